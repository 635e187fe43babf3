//! The module's memory, as the host sees it.

use js_sys::{Array, Float32Array, Float64Array, Object, Uint8Array, Uint32Array};
use wasm_bindgen::JsValue;

use crate::js::{construct, get, global, set};

/// Number of pages of 64 KiB with which the module begins; its linker has the same number
/// (`xtask/src/page/cpu.rs`).
const INITIAL_PAGES: u32 = 64;
/// Maximum numbers of pages to ask for. Browsers reserve addresses for shared memory, and phones have fewer.
const MAX_PAGES: [u32; 3] = [65_536, 32_768, 16_384];

/// Memory of a module.
#[derive(Clone, Debug)]
pub struct Memory {
    object: JsValue,
}

impl Memory {
    /// Creates memory that threads can share; `None` if the browser refuses.
    pub fn shared() -> Option<Self> {
        let constructor = get(&global("WebAssembly"), "Memory");
        let create = |max_pages: u32| {
            let descriptor = Object::new();
            set(&descriptor, "initial", &INITIAL_PAGES.into());
            set(&descriptor, "maximum", &max_pages.into());
            set(&descriptor, "shared", &true.into());
            construct(constructor.clone(), &Array::of1(&descriptor)).ok()
        };
        let object = MAX_PAGES.into_iter().find_map(create)?;
        Some(Self { object })
    }

    /// Wraps the memory that a module exports.
    pub fn exported(exports: &JsValue) -> Self {
        Self {
            object: get(exports, "memory"),
        }
    }

    /// The JavaScript object.
    pub const fn object(&self) -> &JsValue {
        &self.object
    }

    /// Returns the current buffer; growth makes another.
    pub fn buffer(&self) -> JsValue {
        get(&self.object, "buffer")
    }

    /// Writes bytes.
    pub fn write_bytes(&self, address: u32, bytes: &[u8]) {
        self.bytes(address, bytes.len()).copy_from(bytes);
    }

    /// Writes words.
    pub fn write_words(&self, address: u32, words: &[u32]) {
        let len = words.len() as u32;
        Uint32Array::new_with_byte_offset_and_length(&self.buffer(), address, len).copy_from(words);
    }

    /// Writes values.
    pub fn write_values(&self, address: u32, values: &[f32]) {
        let len = values.len() as u32;
        Float32Array::new_with_byte_offset_and_length(&self.buffer(), address, len)
            .copy_from(values);
    }

    /// Reads bytes.
    pub fn read_bytes(&self, address: u32, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.bytes(address, len).copy_to(&mut bytes);
        bytes
    }

    /// Reads values.
    pub fn read_values(&self, address: u32, to: &mut [f32]) {
        let len = to.len() as u32;
        Float32Array::new_with_byte_offset_and_length(&self.buffer(), address, len).copy_to(to);
    }

    /// Reads values of double precision.
    pub fn read_doubles(&self, address: u32, to: &mut [f64]) {
        let len = to.len() as u32;
        Float64Array::new_with_byte_offset_and_length(&self.buffer(), address, len).copy_to(to);
    }

    fn bytes(&self, address: u32, len: usize) -> Uint8Array {
        Uint8Array::new_with_byte_offset_and_length(&self.buffer(), address, len as u32)
    }
}
