//! Calls of the module's functions.

use js_sys::{Array, Function};
use llamaglass_cpu::ModelError;
use wasm_bindgen::JsValue;

use crate::js::{message, method};
use crate::memory::Memory;

/// A function of the module.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub enum Call {
    Allocate,
    Release,
    Message,
    MessageLen,
    Begin,
    Matrix,
    Vector,
    Build,
    SetThreads,
    SetBlocks,
    CopyBlocks,
    Step,
    Logits,
    Embed,
    Residuals,
    Profile,
    KernelCount,
    TakeTimes,
}

impl Call {
    /// Names of the exports, in the order of the calls.
    const NAMES: [&str; 18] = [
        "allocate",
        "release",
        "message",
        "message_len",
        "begin",
        "matrix",
        "vector",
        "build",
        "set_threads",
        "set_blocks",
        "copy_blocks",
        "step",
        "logits",
        "embed",
        "residuals",
        "profile",
        "kernel_count",
        "take_times",
    ];
}

/// The module's functions and its memory.
#[derive(Debug)]
pub struct Calls {
    functions: Vec<Function>,
    /// The module's memory.
    pub memory: Memory,
}

impl Calls {
    /// Finds the functions among the exports of an instance.
    pub fn new(exports: &JsValue, memory: Memory) -> Result<Self, JsValue> {
        let functions = Call::NAMES.into_iter().map(|name| method(exports, name));
        Ok(Self {
            functions: functions.collect::<Result<_, _>>()?,
            memory,
        })
    }

    /// Calls a function that returns a number.
    ///
    /// # Errors
    /// [`ModelError::Module`] if the module stops; it can't be used any more.
    pub fn number(&self, call: Call, arguments: &[u32]) -> Result<u32, ModelError> {
        let arguments: Array = arguments
            .iter()
            .map(|number| JsValue::from(*number))
            .collect();
        match self.functions[call as usize].apply(&JsValue::UNDEFINED, &arguments) {
            // An address from 2 GiB on is a negative number.
            Ok(value) => Ok(value.as_f64().unwrap_or_default() as i64 as u32),
            Err(error) => {
                let text = self.message().unwrap_or_default();
                let error = message(&error);
                Err(ModelError::Module(format!("it stopped: {error} {text}")))
            }
        }
    }

    /// Calls a function that returns 0 if it succeeds.
    ///
    /// # Errors
    /// [`ModelError::Module`] with the module's message.
    pub fn run(&self, call: Call, arguments: &[u32]) -> Result<(), ModelError> {
        match self.number(call, arguments)? {
            0 => Ok(()),
            _ => Err(self.error()),
        }
    }

    /// Calls a function that returns the address of its result, or 0 if it fails.
    ///
    /// # Errors
    /// [`ModelError::Module`] with the module's message.
    pub fn find(&self, call: Call, arguments: &[u32]) -> Result<u32, ModelError> {
        match self.number(call, arguments)? {
            0 => Err(self.error()),
            address => Ok(address),
        }
    }

    /// Allocates memory in the module.
    ///
    /// # Errors
    /// [`ModelError::Module`] if there is not enough.
    pub fn allocate(&self, bytes: usize) -> Result<u32, ModelError> {
        let address = match u32::try_from(bytes) {
            Ok(bytes) => self.number(Call::Allocate, &[bytes])?,
            Err(_) => 0,
        };
        if address == 0 {
            let text = format!("it has no memory for {bytes} more bytes");
            return Err(ModelError::Module(text));
        }
        Ok(address)
    }

    /// Frees memory.
    ///
    /// # Errors
    /// [`ModelError::Module`] if the module stops.
    pub fn release(&self, address: u32, bytes: usize) -> Result<(), ModelError> {
        self.number(Call::Release, &[address, bytes as u32])?;
        Ok(())
    }

    fn error(&self) -> ModelError {
        ModelError::Module(self.message().unwrap_or_default())
    }

    /// Returns the module's latest message.
    fn message(&self) -> Option<String> {
        let number = |call: Call| {
            let value = self.functions[call as usize].call0(&JsValue::UNDEFINED);
            Some(value.ok()?.as_f64()? as i64 as u32)
        };
        let bytes = self
            .memory
            .read_bytes(number(Call::Message)?, number(Call::MessageLen)? as usize);
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
