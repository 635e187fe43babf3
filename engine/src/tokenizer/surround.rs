//! The ids that a tokenizer adds around a text: the post-processor of a tokenizer.json.

use serde_json::Value;

/// Maximum number of ids around a text; real models have up to three.
const MAX_IDS: usize = 64;

/// Ids added before and after a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Surround {
    /// Ids before the text, in order, such as a BOS.
    pub(super) before: Vec<u32>,
    /// Ids after the text, in order, such as an EOS.
    pub(super) after: Vec<u32>,
}

impl Surround {
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
                    before: vec![id("cls")?],
                    after: vec![id("sep")?],
                })
            }
            "Sequence" => {
                let steps = processor["processors"]
                    .as_array()
                    .ok_or("Sequence has no list")?;
                let mut all = Self::default();
                for step in steps {
                    let mut step = Self::from_json(step)?;
                    step.before.append(&mut all.before);
                    all.before = step.before;
                    all.after.append(&mut step.after);
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
                    .ok_or_else(|| format!("TemplateProcessing does not say what {name:?} is"))?;
                if seen_text {
                    all.after.extend(ids)
                } else {
                    all.before.extend(ids)
                }
                all.check()?;
            } else {
                return Err(format!("TemplateProcessing has a piece {piece}"));
            }
        }
        if !seen_text {
            return Err("TemplateProcessing has no place for the text".into());
        }
        Ok(all)
    }

    fn check(&self) -> Result<(), String> {
        let ids = self.before.len() + self.after.len();
        if ids > MAX_IDS {
            return Err(format!("{ids} ids around a text, of at most {MAX_IDS}"));
        }
        Ok(())
    }

    /// Returns `ids` with the ids before and after.
    pub(super) fn around(&self, ids: &[u32]) -> Vec<u32> {
        [&self.before, ids, &self.after].concat()
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
        let surround = Surround::from_json(&template()).expect("a template");
        assert_eq!(surround.around(&[7, 8]), [1, 7, 8, 2, 3]);
    }

    #[test]
    fn sequence_adds_ids_from_inside_out() {
        let bert = json!({"type": "BertProcessing", "cls": ["a", 9], "sep": ["b", 10]});
        let both =
            json!({"type": "Sequence", "processors": [{"type": "ByteLevel"}, template(), bert]});
        let surround = Surround::from_json(&both).expect("a sequence");
        assert_eq!(surround.around(&[7]), [9, 1, 7, 2, 3, 10]);
    }

    #[test]
    fn missing_post_processor_adds_nothing() {
        assert_eq!(Surround::from_json(&Value::Null), Ok(Surround::default()));
    }

    #[test]
    fn too_many_ids_are_rejected() {
        let mut long = template();
        long["special_tokens"]["<s>"]["ids"] = vec![1; 63].into();
        let refused = Surround::from_json(&long).expect_err("refused");
        assert_eq!(refused, "65 ids around a text, of at most 64");
        let many = vec![template(); 30];
        let many = json!({ "type": "Sequence", "processors": many });
        assert!(Surround::from_json(&many).is_err());
    }

    #[test]
    fn inconsistent_template_is_rejected() {
        let mut lies = template();
        lies["special_tokens"] = json!({});
        assert!(Surround::from_json(&lies).is_err());
        assert!(Surround::from_json(&json!({"type": "TemplateProcessing", "single": []})).is_err());
        assert!(Surround::from_json(&json!({"type": "Magic"})).is_err());
    }
}
