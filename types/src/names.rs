//! Names of enum variants in flags, results and messages.

/// Returns the message for `name`, which no variant of `T` has. `kind` says what the variants are.
pub fn unknown_name<T: strum::VariantNames>(kind: &str, name: &str) -> String {
    let names = T::VARIANTS.join(", ");
    format!("unknown {kind} {name:?}; expected one of: {names}")
}

#[cfg(test)]
mod tests {
    use crate::{BackendChoice, ForwardPath, KvType, Policy};

    #[test]
    fn names_are_parsed_and_unknown_ones_listed() {
        assert_eq!("wgpu".parse(), Ok(BackendChoice::Wgpu));
        assert_eq!("reference".parse(), Ok(ForwardPath::Reference));
        assert_eq!([KvType::F32, KvType::F16].map(KvType::name), ["f32", "f16"]);
        assert_eq!("prefill-first".parse(), Ok(Policy::PrefillFirst));
        let error = "fifo".parse::<Policy>();
        let message = "unknown policy \"fifo\"; expected one of: prefill-first, balanced";
        assert_eq!(error, Err(message.to_owned()));
    }
}
