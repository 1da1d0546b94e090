//! Policy documents: their grammar, what they mean, and how they are evaluated. Written from IAM's documentation alone,
//! on purpose without any code of the operator.

pub(crate) mod condition;
pub(crate) mod context;
pub(crate) mod document;
pub(crate) mod evaluate;
pub(crate) mod grammar;
pub(crate) mod pattern;
pub(crate) mod reshape;
pub(crate) mod trust;
pub(crate) mod visitor;
