//! A simulator in this process, and the smallest client that speaks to it.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use aws_sim::{Server, Settings};
use serde_json::{Value, json};

/// A running simulator. It ends with the test's process.
#[derive(Debug, Clone, Copy)]
pub struct Aws {
    pub endpoint: SocketAddr,
    pub admin: SocketAddr,
}

/// What came back from AWS.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Keys to call with.
#[derive(Debug, Clone)]
pub struct Keys {
    pub id: String,
    pub token: Option<String>,
}

impl Keys {
    pub fn of(json: &Value) -> Self {
        Self {
            id: json["accessKeyId"].as_str().unwrap().to_owned(),
            token: json["sessionToken"].as_str().map(str::to_owned),
        }
    }
}

impl Answer {
    /// The text of the first element of that name, decoded.
    pub fn text(&self, name: &str) -> String {
        self.texts(name)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.body.split(&open).skip(1);
        parts
            .map(|part| part.split(&close).next().unwrap())
            .map(|text| {
                text.replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&amp;", "&")
            })
            .collect()
    }

    pub fn code(&self) -> String {
        if self.status == 200 {
            "OK".to_owned()
        } else {
            self.text("Code")
        }
    }

    /// A policy document.
    pub fn document(&self, name: &str) -> Value {
        let text = self.text(name);
        let text = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub fn keys(&self) -> Keys {
        Keys {
            id: self.text("AccessKeyId"),
            token: Some(self.text("SessionToken")),
        }
    }

    /// Fails the test unless the call succeeded.
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// Fails the test unless the call ended with this code, which may be `OK`.
    pub fn refused_or_ok(self, code: &str) {
        assert_eq!(self.code(), code, "{}", self.body);
    }

    /// Fails the test unless the call was refused with this code.
    pub fn refused(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{}", self.body);
        self
    }
}

impl Aws {
    pub fn start() -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Server::bind(Settings::default()).await.unwrap();
                let aws = Aws {
                    endpoint: server.endpoint().unwrap(),
                    admin: server.admin().unwrap(),
                };
                sender.send(aws).unwrap();
                server.run(std::future::pending()).await.unwrap();
            });
        });
        receiver.recv().unwrap()
    }

    /// With one account, and keys of its root.
    pub fn with_account(id: &str) -> (Self, Keys) {
        let aws = Self::start();
        aws.account(id);
        let keys = aws.root(id);
        (aws, keys)
    }

    pub fn account(&self, id: &str) {
        self.post("/accounts", &json!({"id": id}));
    }

    pub fn root(&self, id: &str) -> Keys {
        Keys::of(&self.post(&format!("/accounts/{id}/access-keys"), &json!({"root": true})))
    }

    pub fn user(&self, account: &str, name: &str, policies: Value) -> Keys {
        let order = json!({"name": name, "policies": policies, "mfa": true});
        Keys::of(&self.post(&format!("/accounts/{account}/users"), &order))
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.json("POST", path, Some(body))
    }

    pub fn get(&self, path: &str) -> Value {
        self.json("GET", path, None)
    }

    /// An admin request that must succeed.
    pub fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, text) = self.try_json(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub fn try_json(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = "Content-Type: application/json\r\n";
        exchange(self.admin, &request(method, path, headers, &body)).expect("the admin interface answers")
    }

    pub fn iam(&self, keys: &Keys, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.call("iam", keys, action, parameters).expect("an answer")
    }

    pub fn sts(&self, keys: &Keys, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.call("sts", keys, action, parameters).expect("an answer")
    }

    pub fn assume(&self, keys: &Keys, role: &str, more: &[(&str, &str)]) -> Answer {
        let mut parameters = vec![("RoleArn", role), ("RoleSessionName", "test")];
        parameters.extend_from_slice(more);
        self.sts(keys, "AssumeRole", &parameters)
    }

    /// A call of STS that nobody signs.
    pub fn unsigned(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.send("", action, parameters).expect("an answer")
    }

    /// `None` if the connection was closed without a whole answer.
    pub fn call(&self, service: &str, keys: &Keys, action: &str, parameters: &[(&str, &str)]) -> Option<Answer> {
        self.send(&signed(service, keys), action, parameters)
    }

    /// A call with these headers.
    pub fn send(&self, headers: &str, action: &str, parameters: &[(&str, &str)]) -> Option<Answer> {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in parameters {
            let encoded = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            write!(body, "&{name}={encoded}").unwrap();
        }
        let headers = format!("Content-Type: application/x-www-form-urlencoded\r\n{headers}");
        let (status, body) = exchange(self.endpoint, &request("POST", "/", &headers, &body))?;
        Some(Answer { status, body })
    }
}

/// The headers of a call that is signed with these keys.
pub fn signed(service: &str, keys: &Keys) -> String {
    let mut headers = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={}/20261122/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n",
        keys.id
    );
    if let Some(token) = &keys.token {
        write!(headers, "X-Amz-Security-Token: {token}\r\n").unwrap();
    }
    headers
}

pub fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn exchange(address: SocketAddr, request: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    (length == Some(body.len())).then(|| (status, body.to_owned()))
}

/// A trust policy with one Allow for `sts:AssumeRole`.
pub fn trust(principal: Value, condition: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    if condition != Value::Null {
        statement["Condition"] = condition;
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// A trust policy with one Allow for several actions.
pub fn trust_for(actions: &[&str], principal: Value, condition: Value) -> Value {
    let mut document = trust(principal, condition);
    document["Statement"][0]["Action"] = json!(actions);
    document
}

/// A permission policy with one statement.
pub fn policy(effect: &str, actions: &[&str], resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": resource}]})
}
