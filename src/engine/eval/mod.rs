//! What the user asks: expressions, and values loaded as far as wanted.
#![allow(
    dead_code,
    reason = "the signatures that the session needs; the owner of eval replaces this file"
)]
pub mod value;
use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::golang::{Frame, Goroutine, Runtime};
use crate::engine::memory::Memory;
use regex::Regex;
pub use value::{Flags, Kind, LoadConfig, Variable};
#[derive(Clone, Copy)]
pub struct EvalScope<'a> {
    pub runtime: &'a Runtime,
    pub memory: &'a dyn Memory,
    pub frames: &'a [Frame],
    pub frame_index: usize,
    pub goroutine: Option<&'a Goroutine>,
    pub xsave: Option<&'a [u8]>,
    pub thread_id: i32,
    pub hit_counts: Option<&'a dyn HitCounts>,
}
pub trait HitCounts {
    fn by_id(&self, id: i64) -> Option<u64>;
    fn by_name(&self, name: &str) -> Option<u64>;
}
impl<'a> EvalScope<'a> {
    pub fn new(runtime: &'a Runtime, memory: &'a dyn Memory) -> EvalScope<'a> {
        EvalScope {
            runtime,
            memory,
            frames: &[],
            frame_index: 0,
            goroutine: None,
            xsave: None,
            thread_id: 0,
            hit_counts: None,
        }
    }
    pub fn locals(&self, _config: LoadConfig) -> Result<Vec<Variable>> {
        Ok(vec![])
    }
    pub fn arguments(&self, _config: LoadConfig) -> Result<Vec<Variable>> {
        Ok(vec![])
    }
    pub fn evaluate(&self, _text: &str, _config: LoadConfig) -> Result<Variable> {
        Ok(Variable::empty())
    }
    pub fn package_variables(
        &self,
        _f: Option<&Regex>,
        _config: LoadConfig,
    ) -> Result<Vec<Variable>> {
        Ok(vec![])
    }
    pub fn set(&self, _symbol: &str, _value: &str) -> Result<Vec<Write>> {
        Ok(vec![])
    }
}
pub struct Write {
    pub addr: Addr,
    pub bytes: Vec<u8>,
}
#[derive(Clone, Debug)]
pub struct Condition(String);
impl Condition {
    pub fn parse(t: &str) -> Result<Condition> {
        Ok(Condition(t.into()))
    }
    pub fn text(&self) -> &str {
        &self.0
    }
}
