//! Templates like those in Hugging Face folders.

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
        other => panic!("{other:?} is not a template error"),
    }
}

/// Expressions and the text that transformers renders for them.
const EXPRESSIONS: &str = "\
{{ messages[0]['role'] }}{{ messages[0].role }} => systemsystem
{{ messages[1:] | length }}{{ messages[-1]['content'] }} => 2yes
{{ messages[::-1][0]['role'] }} => assistant
{{ messages[1]['content'].strip() }}|{{ messages[1]['content'] | trim }} => hi|hi
{{ ' a b '.split(' ') | length }}{{ 'a,b'.split(',')[-1] }} => 4b
{{ 'abc'.startswith('ab') and not 'abc'.endswith('b') }} => True
{{ 'aXb'.replace('X', '-').upper().title() }} => A-B
{{ 'x'.lstrip() ~ 'y '.rstrip() }} => xy
{{ 'be' in messages[0]['content'] }} => True
{{ messages | map(attribute='role') | join(',') }} => system,user,assistant
{{ messages | selectattr('role', 'equalto', 'user') | list | length }} => 1
{{ messages | rejectattr('role', 'eq', 'user') | list | length }} => 2
{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}['a'] }} => 21
{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %} => b1a2
{{ 7 // 2 }}{{ 7 % 2 }}{{ 2 ** 3 }} => 318
{{ 'a' if add_generation_prompt else 'b' }} => a
{{ 'no' is string }}{{ messages is iterable }}{{ {} is mapping }} => TrueTrueTrue
{{ none }}{{ true }} => NoneTrue
{{ bos_token + pad_token }}[{{ eos_token }}] => <s><pad>[]
{{ tools is defined }}{{ tools is none }}{{ unheard is defined }} => TrueTrueFalse
{% if not tools is defined %}a{% endif %}{% if tools %}b{% endif %}c => c
{% if unheard %}a{% endif %}[{{ unheard }}] => []
{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }} => 3
{% for m in messages %}{% if loop.index0 == 1 %}{% continue %}{% endif %}{{ loop.index }}{% endfor %} => 13
{% for m in messages %}{% if m.role == 'user' %}{% break %}{% endif %}{{ m.role }}{% endfor %} => system
{% for m in messages if m.role != 'user' %}{{ loop.last }}{% endfor %} => FalseTrue
{% macro f(x, y='z') %}<{{ x }}{{ y }}>{% endmacro %}{{ f('a') }}{{ f('a', y='b') }} => <az><ab>
{% for m in [] %}a{% else %}b{% endfor %} => b
{% filter upper %}a{% endfilter %} => A
{% generation %}a{% endgeneration %}b => ab
a {#- note -#} b => ab
{{ messages[0].content }} => be <brief>
{{ strftime_now('%d %b %Y') }} => 26 Jul 2024";

/// More of them, in which spaces and escapes matter.
const EXACT_EXPRESSIONS: &[(&str, &str)] = &[
    ("{% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb"),
    ("  {%- if true -%}  a  {%- endif %} b", "a b"),
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
];

#[test]
fn expressions_behave_like_python() {
    let split = |line: &'static str| line.split_once(" => ").expect(line);
    let lines = EXPRESSIONS.lines().map(split);
    for (source, expected) in lines.chain(EXACT_EXPRESSIONS.iter().copied()) {
        assert_eq!(render(source).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn raised_message_is_returned() {
    let (message, line) = failure("a\n{{ raise_exception('Roles must alternate') }}");
    assert_eq!((message.as_str(), line), ("Roles must alternate", Some(2)));
    let error = render("{% macro f() %}{{ raise_exception('deep') }}{% endmacro %}{{ f() }}");
    assert!(error.expect_err("it raises").to_string().contains("deep"));
}

#[test]
fn invalid_template_is_error_with_line() {
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
    // Other templates do not exist.
    assert!(!failure("{% include 'x' %}").0.is_empty());
}

#[test]
fn endless_work_is_an_error() {
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
fn long_conversation_renders() {
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

/// Builds a template that nests a list in itself `times` times; `inner` may contain the list twice to share it.
fn nested(times: usize, inner: &str, last: &str) -> String {
    format!(
        "{{% set ns = namespace(l=[1], m=[1]) %}}{{% for i in range({times}) %}}\
         {{% set ns.l = {inner} %}}{{% set ns.m = {} %}}{{% endfor %}}{last}",
        inner.replace("ns.l", "ns.m")
    )
}

#[test]
fn deeply_nested_source_returns_and_too_long_source_is_error() {
    let lengths = |count: usize| {
        [
            format!("{{{{ {}true }}}}", "not ".repeat(count)),
            format!("{{{{ {}1 }}}}", "-".repeat(count)),
            format!("{{{{ {}1{} }}}}", "(".repeat(count), ")".repeat(count)),
            format!("{{{{ {}1{} }}}}", "[".repeat(count), "]".repeat(count)),
            format!("{{{{ 1{} }}}}", "+1".repeat(count)),
            format!("{{{{ 'a'{} }}}}", "~'a'".repeat(count)),
            format!("{{{{ messages{} }}}}", ".a".repeat(count)),
            format!("{{{{ messages{} }}}}", "[0]".repeat(count)),
            format!("{{{{ 'a'{} }}}}", "|trim".repeat(count)),
            format!("{{{{ 1{} }}}}", " if true else 1".repeat(count)),
            format!("{{{{ true{} }}}}", " and true".repeat(count)),
            format!(
                "{{% if true %}}{}{{% endif %}}",
                "{% elif true %}".repeat(count)
            ),
            format!(
                "{}{}",
                "{% if true %}".repeat(count),
                "{% endif %}".repeat(count)
            ),
        ]
    };
    for source in lengths(7_300) {
        // The template engine may accept or reject it, but it must return.
        let _either_way = render(&source);
    }
    let (message, line) = failure(&lengths(60_000)[0]);
    assert_eq!(
        (message.as_str(), line),
        ("it has 240010 bytes; at most 131072 are allowed", None)
    );
}

#[test]
fn deeply_nested_values_are_printed_compared_and_dropped() {
    for last in [
        "{{ ns.l }}",
        "{{ ns.l == ns.m }}",
        "{{ ns.l ~ '' }}",
        "{{ (ns.l | string) | length }}",
        "{{ ns.l | tojson }}",
        "{{ ns.l in [ns.m] }}",
        "",
    ] {
        for (times, inner) in [(4_600, "[ns.l]"), (2_000, "{'a': [[[[[[[[ns.l]]]]]]]]}")] {
            let _either_way = render(&nested(times, inner, last));
        }
    }
    // Nested as deep as the fuel can pay for.
    let deep = format!("{}ns.l{}", "[".repeat(40), "]".repeat(40));
    let (message, _) = failure(&nested(50_000, &deep, "{{ ns.l }}"));
    assert!(message.contains("too long"), "{message}");
}

#[test]
fn slow_template_is_abandoned_and_not_retried_while_it_runs() {
    let mut slow = template(&nested(22, "[ns.l, ns.l]", "{{ ns.l == ns.m }}"));
    slow.time = Duration::from_millis(20);
    let options = TemplateOptions {
        add_generation_prompt: true,
    };
    let messages = messages(&[("user", "hi")]);
    for words in ["took longer than 0.02 s", "still running"] {
        let error = slow.render(&messages, &options).expect_err("abandoned");
        assert!(error.to_string().contains(words), "{error}");
    }
    // The thread ends eventually.
    slow.time = Duration::from_secs(60);
    while let Err(error) = slow.render(&messages, &options) {
        assert!(error.to_string().contains("still running"), "{error}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ever_growing_text_is_an_error() {
    let long = "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(20) %}\
                {% set ns.s = ns.s ~ ns.s %}{% endfor %}";
    for last in [
        "{{ ns.s.replace('x', ns.s) }}",
        "{{ ns.s | replace('x', ns.s) }}",
        "{{ ns.s.join(messages * 1000 | map(attribute='role') | list) }}",
        "{{ ns.s | indent(100000000) }}",
        "{{ '%2000000000d' | format(1) }}",
        "{{ '{:2000000000}'.format(1) }}",
        "{{ ns.s * 100000 }}",
        "{{ range(100000) | list | tojson(separators=(ns.s, ':')) }}",
        "{{ [[[1]]] | tojson(indent=ns.s) }}",
        "{{ range(1000000000) | list }}",
        "{{ range(100000) | list | slice(1000000000) }}",
    ] {
        let (message, _) = failure(&format!("{long}{last}"));
        assert!(message.len() < 300, "{last}: {message}");
    }
    let shared = nested(40, "[ns.l, ns.l]", "{{ ns.l | tojson }}");
    assert!(failure(&shared).0.contains("too long"));
}

#[test]
fn raised_message_is_truncated() {
    let (message, _) = failure("{{ raise_exception('\u{e9}' * 100000) }}");
    assert_eq!(message, "\u{e9}".repeat(MAX_MESSAGE) + "...");
}

#[test]
fn self_referential_value_is_an_error() {
    let cycle = "{% set ns = namespace() %}{% set ns.x = [ns] %}";
    for last in ["{{ ns }}", "{{ ns.x ~ '' }}", "{{ ns.x | tojson }}"] {
        let (message, _) = failure(&format!("{cycle}{last}"));
        assert!(message.contains("too deep"), "{last}: {message}");
    }
    let other = "{% set m = namespace() %}{% set m.x = [m] %}{{ ns == m }}";
    let (message, _) = failure(&format!("{cycle}{other}"));
    assert!(message.contains("too deep"), "{message}");
}

#[test]
fn shared_nested_lists_stay_within_memory_limit() {
    // Each case may hold a thread and its memory for the rest of the tests, so there are few.
    for (inner, last) in [
        ("[ns.l, ns.l]", "{{ ns.l ~ '' }}"),
        ("{'a': ns.l, 'b': ns.l}", "{{ ns.l | upper }}"),
        ("ns.l + ns.l", "{{ ns.l }}"),
    ] {
        let (message, _) = failure(&nested(40, inner, last));
        let words = ["too long", "took longer", "MiB of memory"];
        let is_limit = words.iter().any(|words| message.contains(words));
        assert!(is_limit, "{inner} {last}: {message}");
    }
}
