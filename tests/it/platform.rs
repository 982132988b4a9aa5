//! The demo platforms against a provider that lies: every lie is noticed, nobody is signed in by one and
//! nobody signed out. The honest path stands beside them, so that a refusal means something.

mod answers;
mod fake;
mod id_tokens;
mod logout_tokens;
mod sessions;
