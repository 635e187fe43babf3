//! Templates as Hugging Face folders have them.

use super::*;

fn messages(turns: &[(&str, &str)]) -> Vec<Message> {
    turns
        .iter()
        .map(|(role, content)| Message {
            role: (*role).into(),
            content: (*content).into(),
        })
        .collect()
}

fn template(source: &str) -> ChatTemplate {
    let names = [("bos_token", "<s>"), ("pad_token", "<pad>")];
    let names = names.map(|(name, text)| (name.to_owned(), text.to_owned()));
    // 2024-07-26 09:05:03 UTC.
    ChatTemplate::new(source.to_owned(), names.into(), || 1_721_984_703)
}

fn render(source: &str) -> Result<String, TokenizerError> {
    let turns = [
        ("system", "be <brief>"),
        ("user", " hi\n"),
        ("assistant", "yes"),
    ];
    let options = TemplateOptions {
        add_generation_prompt: true,
    };
    template(source).render(&messages(&turns), &options)
}

fn failure(source: &str) -> (String, Option<usize>) {
    match render(source) {
        Err(TokenizerError::Template { message, line }) => (message, line),
        other => panic!("{other:?} is no template error"),
    }
}

#[test]
fn expressions_mean_what_they_mean_in_python() {
    for (source, want) in [
        // Lists and strings.
        (
            "{{ messages[0]['role'] }}{{ messages[0].role }}",
            "systemsystem",
        ),
        (
            "{{ messages[1:] | length }}{{ messages[-1]['content'] }}",
            "2yes",
        ),
        ("{{ messages[::-1][0]['role'] }}", "assistant"),
        (
            "{{ messages[1]['content'].strip() }}|{{ messages[1]['content'] | trim }}",
            "hi|hi",
        ),
        (
            "{{ ' a b '.split(' ') | length }}{{ 'a,b'.split(',')[-1] }}",
            "4b",
        ),
        (
            "{{ 'abc'.startswith('ab') and not 'abc'.endswith('b') }}",
            "True",
        ),
        ("{{ 'aXb'.replace('X', '-').upper().title() }}", "A-B"),
        ("{{ 'x'.lstrip() ~ 'y '.rstrip() }}", "xy"),
        ("{{ 'be' in messages[0]['content'] }}", "True"),
        (
            "{{ messages | map(attribute='role') | join(',') }}",
            "system,user,assistant",
        ),
        (
            "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
            "1",
        ),
        (
            "{{ messages | rejectattr('role', 'eq', 'user') | list | length }}",
            "2",
        ),
        ("{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}['a'] }}", "21"),
        (
            "{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}",
            "b1a2",
        ),
        ("{{ 7 // 2 }}{{ 7 % 2 }}{{ 2 ** 3 }}", "318"),
        ("{{ 'a' if add_generation_prompt else 'b' }}", "a"),
        (
            "{{ 'no' is string }}{{ messages is iterable }}{{ {} is mapping }}",
            "TrueTrueTrue",
        ),
        ("{{ none }}{{ true }}", "NoneTrue"),
        // What is defined.
        ("{{ bos_token + pad_token }}[{{ eos_token }}]", "<s><pad>[]"),
        (
            "{{ tools is defined }}{{ tools is none }}{{ unheard is defined }}",
            "TrueTrueFalse",
        ),
        (
            "{% if not tools is defined %}a{% endif %}{% if tools %}b{% endif %}c",
            "c",
        ),
        ("{% if unheard %}a{% endif %}[{{ unheard }}]", "[]"),
        // Blocks.
        (
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
            "3",
        ),
        (
            "{% for m in messages %}{% if loop.index0 == 1 %}{% continue %}{% endif %}{{ loop.index }}{% endfor %}",
            "13",
        ),
        (
            "{% for m in messages %}{% if m.role == 'user' %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
            "system",
        ),
        (
            "{% for m in messages if m.role != 'user' %}{{ loop.last }}{% endfor %}",
            "FalseTrue",
        ),
        (
            "{% macro f(x, y='z') %}<{{ x }}{{ y }}>{% endmacro %}{{ f('a') }}{{ f('a', y='b') }}",
            "<az><ab>",
        ),
        ("{% for m in [] %}a{% else %}b{% endfor %}", "b"),
        ("{% filter upper %}a{% endfilter %}", "A"),
        ("{% generation %}a{% endgeneration %}b", "ab"),
        // White space as transformers sets it.
        ("{% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb"),
        ("  {%- if true -%}  a  {%- endif %} b", "a b"),
        ("a {#- note -#} b", "ab"),
        // JSON.
        (
            "{{ {'b': \"<é'&>\\n\", 'a': [1, 2.5, none, true, {}]} | tojson }}",
            "{\"b\": \"<é'&>\\n\", \"a\": [1, 2.5, null, true, {}]}",
        ),
        (
            "{{ {'a': [1], 'b': []} | tojson(indent=2) }}",
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}",
        ),
        (
            "{{ ['é', 1] | tojson(ensure_ascii=true, separators=(',', ':')) }}",
            "[\"\\u00e9\",1]",
        ),
        (
            "{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}",
            "{\"a\": 2, \"b\": 1}",
        ),
        (
            "{{ messages[0] | tojson }}",
            "{\"role\": \"system\", \"content\": \"be <brief>\"}",
        ),
        // Nothing is escaped, the clock is ours.
        ("{{ messages[0].content }}", "be <brief>"),
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
    ] {
        assert_eq!(render(source).as_deref(), Ok(want), "{source}");
    }
}

#[test]
fn what_a_template_raises_comes_through() {
    let (message, line) = failure("a\n{{ raise_exception('Roles must alternate') }}");
    assert_eq!((message.as_str(), line), ("Roles must alternate", Some(2)));
    let error = render("{% macro f() %}{{ raise_exception('deep') }}{% endmacro %}{{ f() }}");
    assert!(error.expect_err("it raises").to_string().contains("deep"));
}

#[test]
fn a_broken_template_is_an_error_with_its_line() {
    for source in [
        "a\n\n{% if x %}",
        "\n\n{{ 1 + }}",
        "\n\n{% nonsense %}",
        "\n\n{{ x.y.z }}",
        "\n\n{{ 'a' + 1 }}",
    ] {
        let (message, line) = failure(source);
        assert_eq!(line, Some(3), "{source}: {message}");
        assert!(!message.is_empty(), "{source}");
    }
    // There are no other templates.
    assert!(!failure("{% include 'x' %}").0.is_empty());
}

#[test]
fn endless_work_ends_in_an_error() {
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ ('x' * 100000) | tojson | length }}{% for i in range(9999) %}{% set y = ('x' * 100000) | tojson %}{% endfor %}",
    ] {
        assert!(render(source).is_err(), "{source}");
    }
}

#[test]
fn a_long_conversation_is_not_endless() {
    let turns: Vec<(&str, String)> = (0..2000)
        .map(|i| {
            (
                if i % 2 == 0 { "user" } else { "assistant" },
                "word ".repeat(100),
            )
        })
        .collect();
    let turns: Vec<(&str, &str)> = turns.iter().map(|(r, c)| (*r, c.as_str())).collect();
    let source = "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] | trim + '\n' }}{% endfor %}";
    let options = TemplateOptions {
        add_generation_prompt: false,
    };
    let text = template(source)
        .render(&messages(&turns), &options)
        .expect("it renders");
    assert!(text.len() > 1_000_000);
}
