//! Post-processing of encoded text: the ids that a tokenizer adds before and after it.

use serde_json::Value;

/// Maximum number of added ids; real models have up to three.
const MAX_ADDED_IDS: usize = 64;

/// Ids added before and after a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PostProcessor {
    /// Ids before the text, in order, such as a BOS.
    pub(super) prefix: Vec<u32>,
    /// Ids after the text, in order, such as an EOS.
    pub(super) suffix: Vec<u32>,
}

impl PostProcessor {
    /// Reads `post_processor`. The crate's own post-processors trust the indexes in the file and panic if they are
    /// wrong.
    pub(super) fn from_json(processor: &Value) -> Result<Self, String> {
        let kind = processor["type"].as_str().unwrap_or_default();
        match kind {
            _ if processor.is_null() => Ok(Self::default()),
            // Only changes offsets.
            "ByteLevel" => Ok(Self::default()),
            "TemplateProcessing" => Self::from_template(processor),
            "BertProcessing" | "RobertaProcessing" => {
                let id = |key: &str| {
                    as_id(&processor[key][1]).ok_or_else(|| format!("{kind} has no id in {key:?}"))
                };
                Ok(Self {
                    prefix: vec![id("cls")?],
                    suffix: vec![id("sep")?],
                })
            }
            "Sequence" => {
                let steps = processor["processors"]
                    .as_array()
                    .ok_or("Sequence has no list of processors")?;
                let mut all = Self::default();
                for step in steps {
                    let mut step = Self::from_json(step)?;
                    step.prefix.append(&mut all.prefix);
                    all.prefix = step.prefix;
                    all.suffix.append(&mut step.suffix);
                    all.check()?;
                }
                Ok(all)
            }
            _ => Err(format!("the post-processor {kind:?} is not supported")),
        }
    }

    fn from_template(processor: &Value) -> Result<Self, String> {
        let pieces = processor["single"]
            .as_array()
            .ok_or("TemplateProcessing has no `single`")?;
        let mut all = Self::default();
        let mut seen_text = false;
        for piece in pieces {
            if piece.get("Sequence").is_some() {
                seen_text = true;
            } else if let Some(name) = piece["SpecialToken"]["id"].as_str() {
                let ids = processor["special_tokens"][name]["ids"]
                    .as_array()
                    .and_then(|ids| ids.iter().map(as_id).collect::<Option<Vec<u32>>>())
                    .ok_or_else(|| format!("TemplateProcessing does not define {name:?}"))?;
                if seen_text {
                    all.suffix.extend(ids)
                } else {
                    all.prefix.extend(ids)
                }
                all.check()?;
            } else {
                return Err(format!("TemplateProcessing has the unknown piece {piece}"));
            }
        }
        if !seen_text {
            return Err("TemplateProcessing has no position for the text".into());
        }
        Ok(all)
    }

    fn check(&self) -> Result<(), String> {
        let ids = self.prefix.len() + self.suffix.len();
        if ids > MAX_ADDED_IDS {
            return Err(format!(
                "{ids} ids around a text; at most {MAX_ADDED_IDS} are allowed"
            ));
        }
        Ok(())
    }

    /// Returns `ids` with the prefix and suffix added.
    pub(super) fn apply(&self, ids: &[u32]) -> Vec<u32> {
        [&self.prefix, ids, &self.suffix].concat()
    }
}

fn as_id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2, 3], "tokens": ["</s>", "x"]}},
        })
    }

    #[test]
    fn template_adds_ids_around_text() {
        let post_processor = PostProcessor::from_json(&template()).expect("a template");
        assert_eq!(post_processor.apply(&[7, 8]), [1, 7, 8, 2, 3]);
    }

    #[test]
    fn sequence_adds_ids_from_inside_out() {
        let bert = json!({"type": "BertProcessing", "cls": ["a", 9], "sep": ["b", 10]});
        let both =
            json!({"type": "Sequence", "processors": [{"type": "ByteLevel"}, template(), bert]});
        let post_processor = PostProcessor::from_json(&both).expect("a sequence");
        assert_eq!(post_processor.apply(&[7]), [9, 1, 7, 2, 3, 10]);
    }

    #[test]
    fn missing_post_processor_adds_nothing() {
        assert_eq!(
            PostProcessor::from_json(&Value::Null),
            Ok(PostProcessor::default())
        );
    }

    #[test]
    fn too_many_ids_are_rejected() {
        let mut long = template();
        long["special_tokens"]["<s>"]["ids"] = vec![1; 63].into();
        let refused = PostProcessor::from_json(&long).expect_err("refused");
        assert_eq!(refused, "65 ids around a text; at most 64 are allowed");
        let many = vec![template(); 30];
        let many = json!({ "type": "Sequence", "processors": many });
        assert!(PostProcessor::from_json(&many).is_err());
    }

    #[test]
    fn inconsistent_template_is_rejected() {
        let mut lies = template();
        lies["special_tokens"] = json!({});
        assert!(PostProcessor::from_json(&lies).is_err());
        assert!(
            PostProcessor::from_json(&json!({"type": "TemplateProcessing", "single": []})).is_err()
        );
        assert!(PostProcessor::from_json(&json!({"type": "Magic"})).is_err());
    }
}
