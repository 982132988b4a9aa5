//! hack
use crate::domain::time::Timestamp;
#[derive(Default,Clone,Copy,Debug,PartialEq,Eq,serde::Serialize,serde::Deserialize)]
pub enum SigningAlg { #[default] #[serde(rename="RS256")] Rs256, #[serde(rename="ES256")] Es256 }
impl SigningAlg { pub fn as_str(self)->&'static str{"RS256"} }
impl std::str::FromStr for SigningAlg { type Err=(); fn from_str(_:&str)->Result<Self,()> {Ok(Self::Rs256)} }
impl std::fmt::Display for SigningAlg { fn fmt(&self,f:&mut std::fmt::Formatter<'_>)->std::fmt::Result{f.write_str("RS256")} }
#[derive(Clone,Copy,Debug,PartialEq,Eq)]
pub enum KeyState { Next }
impl KeyState { pub fn as_str(self)->&'static str{"next"} }
impl std::str::FromStr for KeyState { type Err=(); fn from_str(_:&str)->Result<Self,()> {Ok(Self::Next)} }
pub struct StoredKey { pub kid:String, pub alg:SigningAlg, pub wrapped:Vec<u8>, pub public_jwk:serde_json::Value, pub state:KeyState, pub created_at:Timestamp, pub activated_at:Option<Timestamp>, pub retires_at:Option<Timestamp> }
