//! The AWS endpoint: from an HTTP request, through latency and faults, to an answer.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::call::Request;
use crate::calls::{CallRecord, Calls};
use crate::connection::Peer;
use crate::faults::Faults;
use crate::faults::effect::{Decision, DropWhen, Outcome};
use crate::faults::matching::Subject;
use crate::sts;
use crate::wire::error::{Answer, AwsError};
use crate::wire::request::{Parameters, Signer};
use crate::wire::xml::{Service, failure, success};
use crate::world::World;
use crate::world::time::iso_ms;

/// The header that says where a request is to have come from.
const SOURCE_IP: &str = "x-aws-sim-source-ip";

/// What both ports share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    world: Mutex<World>,
    calls: Mutex<Calls>,
    pub(crate) faults: Faults,
    pub(crate) latency_ms: AtomicU64,
    requests: AtomicU64,
}

impl Shared {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.remember();
        world
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{:08x}-{:04x}-4000-8000-{:012x}", number >> 16, number & 0xffff, number)
    }
}

/// How a call ends for its client.
enum Ending {
    Answer(Answer),
    /// Not from AWS: a status and a text.
    Other(u16, String),
    /// The connection is closed after that share of the answer.
    Cut(Option<Answer>),
}

/// Serves one AWS call.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request_id = shared.next_request_id();
    let request = match read(&headers, &body, peer.address.ip()) {
        Ok(request) => request,
        Err(error) => return respond(Service::Sts, "", Err(error), &request_id),
    };
    let service = request.signer.service;
    let action = request.action.clone();
    // A call is decided in a task of its own: a client that goes away does not take a held call with it.
    let task = tokio::spawn(process(Arc::clone(&shared), request));
    match task.await {
        Ok(Ending::Answer(answer)) => respond(service, &action, answer, &request_id),
        Ok(Ending::Other(status, text)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "text/html")], text).into_response()
        }
        Ok(Ending::Cut(None)) => {
            peer.shears.cut_after(0);
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Ok(Ending::Cut(Some(answer))) => {
            // The head takes about 160 bytes and the wrapping of a result 200; half of the body still goes out.
            let body = answer.as_ref().map_or(0, String::len) as u64 + 200;
            peer.shears.cut_after(160 + body / 2);
            respond(service, &action, answer, &request_id)
        }
        Err(_) => {
            let error = AwsError::new(500, "ServiceFailure", "The simulator failed to carry out the call.");
            respond(service, &action, Err(error), &request_id)
        }
    }
}

/// Reads a request, which is not yet carried out.
pub(crate) fn read(headers: &HeaderMap, body: &Bytes, peer: IpAddr) -> Result<Request, AwsError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let parameters = Parameters::decode(&String::from_utf8_lossy(body));
    let action = parameters.get("Action").unwrap_or_default().to_owned();
    let signer = match text("authorization") {
        None if sts::is_unsigned(&action) => Signer::nobody(),
        header => Signer::read(header)?,
    };
    if action.is_empty() {
        return Err(AwsError::new(
            400,
            "MissingAction",
            "The request is missing an action or a required parameter.",
        ));
    }
    let parameters = parameters.to(signer.service);
    Ok(Request {
        signer,
        token: text("x-amz-security-token").map(str::to_owned),
        action,
        parameters,
        peer,
        source_ip: text(SOURCE_IP).and_then(|address| address.parse().ok()),
    })
}

async fn process(shared: Arc<Shared>, request: Request) -> Ending {
    let (seq, decision) = arrive(&shared, &request);
    let delay = shared.latency_ms.load(Ordering::Relaxed) + decision.delay_ms;
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let ended = |code: &str| shared.calls().ended(seq, code);
    let carry_out = || {
        let mut world = shared.world();
        if decision.expire_sessions {
            world.expire_sessions_of(&request.signer.access_key, request.token.as_deref());
        }
        let answer = request.carry_out(&mut world, decision.sight);
        drop(world);
        ended(answer.as_ref().map_or_else(|error| error.code.as_str(), |_| "OK"));
        answer
    };
    match decision.outcome {
        Outcome::Proceed => Ending::Answer(carry_out()),
        Outcome::Error(error) => {
            ended(&error.code);
            Ending::Answer(Err(error))
        }
        Outcome::Body { status, text } => {
            ended(&status.to_string());
            Ending::Other(status, text)
        }
        Outcome::Drop(DropWhen::Before) => {
            ended("Dropped");
            Ending::Cut(None)
        }
        Outcome::Drop(DropWhen::After) => {
            let _ = carry_out();
            Ending::Cut(None)
        }
        Outcome::Drop(DropWhen::MidBody) => Ending::Cut(Some(carry_out())),
        Outcome::Hold(released) => match released.await {
            Ok(release) if release.carry_out => {
                let answer = carry_out();
                if release.answer {
                    Ending::Answer(answer)
                } else {
                    Ending::Cut(None)
                }
            }
            _ => {
                ended("Dropped");
                Ending::Cut(None)
            }
        },
    }
}

/// Writes the call down and asks the faults about it.
fn arrive(shared: &Shared, request: &Request) -> (u64, Decision) {
    let world = shared.world();
    let caller = if sts::is_unsigned(&request.action) {
        "anonymous".to_owned()
    } else {
        let caller = world.caller(&request.signer.access_key, request.token.as_deref());
        caller.map_or_else(|_| request.signer.access_key.clone(), |caller| caller.arn)
    };
    let account = request.acting_account(&world);
    let decision = shared.faults.decide(&Subject {
        account: &account,
        caller: &caller,
        request,
        now_ms: world.now_ms(),
        history: world.past.history(&account),
    });
    let now_ms = world.now_ms();
    drop(world);
    let seq = shared.calls().arrived(CallRecord {
        seq: 0,
        time: iso_ms(now_ms),
        account,
        service: request.signer.service.name(),
        action: request.action.clone(),
        role: request.role().map(str::to_owned),
        caller,
        key: request.signer.access_key.clone(),
        kind: if request.is_write() { "write" } else { "read" },
        code: "Pending".to_owned(),
        params: request.parameters.recorded(),
    });
    (seq, decision)
}

fn respond(service: Service, action: &str, answer: Answer, request_id: &str) -> Response {
    let (status, body) = match answer {
        Ok(result) => (200, success(service, action, &result, request_id)),
        Err(error) => (error.status, failure(service, &error, request_id)),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/xml"),
        ("x-amzn-requestid", request_id),
    ];
    (status, headers, body).into_response()
}
