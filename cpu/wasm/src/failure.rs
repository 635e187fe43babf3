//! Messages of errors and panics.

use std::cell::UnsafeCell;
use std::fmt::{self, Write};

/// Longest message; the rest is cut off.
const MAX_BYTES: usize = 500;

/// Text of the latest error. Of fixed size, because a panic may be one of the allocator.
struct Message {
    text: [u8; MAX_BYTES],
    len: usize,
}

struct Latest(UnsafeCell<Message>);

// SAFETY: only the caller's thread uses it, see the crate's documentation; a helper's panic ends in `fail`.
unsafe impl Sync for Latest {}

static LATEST: Latest = Latest(UnsafeCell::new(Message {
    text: [0; MAX_BYTES],
    len: 0,
}));

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().take(MAX_BYTES - self.len) {
            self.text[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// Keeps the message of an error.
pub fn set_message(error: &impl fmt::Display) {
    // SAFETY: only one thread uses the message, and no reference to it is alive.
    let message = unsafe { &mut *LATEST.0.get() };
    message.len = 0;
    // Formatting fails only if `write_str` does.
    let _ = write!(message, "{error}");
}

/// Returns the address of the latest message, in UTF-8.
#[unsafe(no_mangle)]
extern "C" fn message() -> *const u8 {
    // SAFETY: as in `set_message`.
    unsafe { (*LATEST.0.get()).text.as_ptr() }
}

/// Returns the number of bytes of the latest message; the last character may be incomplete.
#[unsafe(no_mangle)]
extern "C" fn message_len() -> usize {
    // SAFETY: as in `set_message`.
    unsafe { (*LATEST.0.get()).len }
}
