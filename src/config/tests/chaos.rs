//! Any text gives a result, and every known key is read.

use proptest::prelude::*;

use crate::config::tests::*;

/// A correct file, except that the value under this key path has a type that no key accepts.
fn wrong_at(key: &str) -> String {
    let mut text = "!wrong 0".to_owned();
    for part in key.rsplit('.') {
        text = match part.strip_suffix("[]") {
            Some(name) => format!("{{ {name}: [ {text} ] }}"),
            None => format!("{{ {part}: {text} }}"),
        };
    }
    text
}

#[test]
fn every_known_key_is_read() {
    for key in keys::paths() {
        let seen = read(&wrong_at(key)).unwrap_err();
        let path = key.replace("[]", "[0]");
        assert!(
            seen.iter().any(|p| p.at == path && p.message.starts_with("found a value with the tag !wrong")),
            "{key}: {:?}",
            lines(&seen)
        );
    }
    assert!(keys::KEYS.len() > 40);
}

#[test]
fn deep_and_wide_documents_end() {
    let deep = format!("limits: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep).is_err());
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (one, next) in ('a'..'k').zip('b'..) {
        let nine = vec![format!("*{one}"); 9].join(", ");
        bomb.extend([next.to_string(), format!(": &{next} [{nine}]\n")]);
    }
    assert!(read(&bomb).is_err());
}

/// Text that resembles a config: known keys, likely and unlikely values, any indentation.
fn yamlish() -> impl Strategy<Value = String> {
    let words = keys::paths().flat_map(|key| key.split(['.', '[', ']'])).filter(|word| !word.is_empty());
    let key = prop::sample::select(words.collect::<Vec<_>>());
    let value = prop_oneof![
        prop::sample::select(vec![
            "",
            "0",
            "-1",
            "1.5",
            "5s",
            "1MiB",
            "1MB",
            "~",
            "true",
            "off",
            "[]",
            "{}",
            "[a, b]",
            "*a",
            "&a 1",
            "!t x",
            "|",
            "http://127.0.0.1:3000",
            "unix:",
            "unix:/a",
            "0.0.0.0/0",
            "0.0.0.0:8080",
            "[::1]:80",
            "\"\"",
            "/*",
            "/a",
            "200-205",
            "[200, 999999999999999999999]",
            "voice",
            "x-forwarded-for",
            "drop",
            "\"\\0\"",
            "18446744073709551615GiB",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}",
    ];
    let line = (0usize..4, any::<bool>(), key, value).prop_map(|(depth, dash, key, value)| {
        format!("{}{}{key}: {value}\n", "  ".repeat(depth), if dash { "- " } else { "" })
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

/// A value of any kind, in flow style, so that every document parses.
fn flow() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[0-9]{1,3}(s|ms|MiB|KiB|B)?",
        "[a-z/*.:-]{0,10}".prop_map(|text| format!("{text:?}")),
        prop::sample::select(vec![
            "~",
            "true",
            "1.5",
            "-3",
            "!t 1",
            "\"http://a\"",
            "\"127.0.0.1:80\"",
            "\"10.0.0.0/8\""
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let words = keys::paths().flat_map(|key| key.split(['.', '[', ']'])).filter(|word| !word.is_empty());
        let key = prop::sample::select(words.collect::<Vec<_>>());
        let entry = |inner| prop::collection::btree_map(key, inner, 0..5);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            entry(inner).prop_map(|entries| {
                let entries: Vec<String> = entries.into_iter().map(|(k, v)| format!("{k}: {v}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

fn judge(text: &str, overrides: &Overrides) -> Result<(), TestCaseError> {
    match parse(Some(text), overrides, Path::new(BASE)) {
        Err(problems) => prop_assert!(!problems.is_empty()),
        Ok(Parsed { config, .. }) => {
            prop_assert!(!config.listen.is_empty() && !config.routes.is_empty());
            prop_assert!(config.routes.iter().all(|route| !route.allow.is_empty()));
            prop_assert!(config.routes.iter().all(|route| route.deadline <= config.drain.grace));
            prop_assert!(config.limits.concurrent_requests <= config.limits.connections);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_has_an_answer(text in any::<String>()) {
        judge(&text, &Overrides::default())?;
    }

    #[test]
    fn any_config_like_text_has_an_answer(text in yamlish()) {
        judge(&text, &Overrides::default())?;
    }

    #[test]
    fn any_value_under_any_key_has_an_answer(key in prop::sample::select(keys::paths().collect::<Vec<_>>()), value in flow()) {
        let text = wrong_at(key).replace("!wrong 0", &value);
        judge(&text, &Overrides { upstream: Some("http://127.0.0.1:3000".to_owned()), ..Overrides::default() })?;
    }

    #[test]
    fn any_flag_has_an_answer(text in any::<String>(), number in 0usize..16) {
        let mut all: [Option<String>; 16] = Default::default();
        all[number] = Some(text);
        let [listen, upstream, allow, ranges, trusted_proxies, deny, mode, admin, metrics, health_path, state, log_format, log_level, access_log, threads, port] = all;
        let flags = Overrides {
            listen, upstream, allow, ranges, trusted_proxies, deny, mode, admin, metrics, health_path, state, log_format, log_level, access_log, threads, port,
            credentials: None,
            unknown: Vec::new(),
        };
        judge("upstream: http://127.0.0.1:3000", &flags)?;
    }
}
