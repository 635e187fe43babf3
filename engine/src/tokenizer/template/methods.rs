//! Python's string and dictionary methods, with memory limited by the remaining fuel.

use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Bytes paid for by one unit of fuel.
const BYTES_PER_FUEL: u64 = 64;

/// Calls a method that the template engine itself does not have.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match (value.as_str(), method) {
        (Some(text), "replace") => check(state, replaced_bytes(text, args))?,
        (Some(text), "join") => return join(state, text, args),
        _ => {}
    }
    unknown_method_callback(state, value, method, args)
}

/// Returns an upper bound on the bytes of a text in which the first argument is replaced by the second. Invalid
/// arguments are reported by the method itself.
fn replaced_bytes(text: &str, args: &[Value]) -> usize {
    let argument = |index: usize| args.get(index).and_then(Value::as_str);
    let (Some(old), Some(new)) = (argument(0), argument(1)) else {
        return text.len();
    };
    let found = text.matches(old).count();
    text.len().saturating_add(found.saturating_mul(new.len()))
}

/// Joins the items of a list like Python; each item is charged before it is added.
fn join(state: &State, separator: &str, args: &[Value]) -> Result<Value, Error> {
    let (items,): (&Value,) = from_args(args)?;
    let mut joined = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        let text = match item.kind() {
            ValueKind::String => item,
            ValueKind::Number | ValueKind::Bool => Value::from(item.to_string()),
            kind => {
                let message = format!("join needs strings, not {kind}");
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
        };
        let text = text.as_str().unwrap_or_default();
        check(state, joined.len() + separator.len() + text.len())?;
        state.consume_fuel(1)?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(Value::from(joined))
}

/// Rejects a value of `bytes` bytes if the remaining fuel does not pay for it.
pub(super) fn check(state: &State, bytes: usize) -> Result<(), Error> {
    let left = state.fuel_levels().map_or(u64::MAX, |(_, left)| left);
    if bytes as u64 / BYTES_PER_FUEL > left {
        return Err(Error::from(ErrorKind::OutOfFuel));
    }
    Ok(())
}
