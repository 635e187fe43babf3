//! `{% generation %}` blocks, which tell transformers which part of the text the assistant wrote. That is not
//! needed here, so the tags are removed and their contents kept.

/// Replaces `{% generation %}` by a block that is always taken.
pub(super) fn without_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let Some(len) = tag.find("%}") else {
            rest = tag;
            break;
        };
        let (inside, after) = (&tag[2..len], &tag[len..]);
        let word = inside.trim_matches(['-', '+']).trim();
        let instead = match word {
            "generation" => Some("if true"),
            "endgeneration" => Some("endif"),
            _ => None,
        };
        out.push_str("{%");
        match instead {
            Some(instead) => out.push_str(&inside.replacen(word, instead, 1)),
            None => out.push_str(inside),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_tags_become_block_that_is_always_taken() {
        let source = "a{% generation %}b{%- endgeneration -%}c";
        assert_eq!(without_tags(source), "a{% if true %}b{%- endif -%}c");
    }

    #[test]
    fn other_text_is_unchanged() {
        for source in [
            "",
            "{% if generation %}x{% endif %}",
            "{% broken",
            "{{ '{%' }}",
            "é{%é%}",
        ] {
            assert_eq!(without_tags(source), source);
        }
    }
}
