//! The keys and certificates of one control plane. They live as long as its temporary folder.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::Error;

/// Files in PEM format.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// The authority that signed the serving certificate.
    pub(crate) authority: PathBuf,
    /// The API server's certificate, for 127.0.0.1 and localhost.
    pub(crate) serving: PathBuf,
    /// The key of the serving certificate.
    pub(crate) serving_key: PathBuf,
    /// The key that signs ServiceAccount tokens.
    pub(crate) token_key: PathBuf,
    /// The public half of that key, which checks them.
    pub(crate) token_public_key: PathBuf,
}

impl Certificates {
    /// Makes new ones in `folder`.
    pub(crate) fn generate(folder: &Path) -> Result<Self, Error> {
        let generated = generate().map_err(|error| Error::because("no certificates could be generated", error))?;
        let write = |name: &str, content: &str| {
            let path = folder.join(name);
            write_private(&path, content).map(|()| path)
        };
        Ok(Self {
            authority: write("authority.crt", &generated.authority)?,
            serving: write("serving.crt", &generated.serving)?,
            serving_key: write("serving.key", &generated.serving_key)?,
            token_key: write("tokens.key", &generated.token_key.serialize_pem())?,
            token_public_key: write("tokens.pub", &generated.token_key.public_key_pem())?,
        })
    }
}

struct Generated {
    authority: String,
    serving: String,
    serving_key: String,
    token_key: KeyPair,
}

fn generate() -> Result<Generated, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority
        .distinguished_name
        .push(DnType::CommonName, "test control plane");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let serving_key = KeyPair::generate()?;
    let mut serving = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    serving.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    serving.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    serving.use_authority_key_identifier_extension = true;
    let serving = serving.signed_by(&serving_key, &authority)?;

    Ok(Generated {
        authority: authority.pem(),
        serving: serving.pem(),
        serving_key: serving_key.serialize_pem(),
        token_key: KeyPair::generate()?,
    })
}

/// Writes a file that only this user can read.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| Error::because(format!("{} cannot be written", path.display()), error))
}
