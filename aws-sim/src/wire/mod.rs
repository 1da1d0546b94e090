//! The wire protocol: query parameters in, XML out.

pub(crate) mod base64;
pub(crate) mod error;
pub(crate) mod paging;
pub(crate) mod request;
pub(crate) mod xml;
