//! Where a token is found, and when it is taken.

use super::*;

/// The rules, header lines, and the place of the secret or the fault.
type Row<'r> = (&'r Rules<'r>, &'r [(&'r str, String)], Result<usize, Fault>);

#[test]
fn what_lies_on_an_edge_of_time_is_still_taken() {
    let keyring = usual();
    let iat = format!(r#""iat":{}"#, NOW - 2);
    let edges = [
        format!(r#""iat":{}"#, NOW - 25 * 3600),
        format!(r#""iat":{}"#, NOW + 300),
        format!(r#"{iat},"exp":{}"#, NOW - 299),
        format!(r#"{iat},"nbf":{}"#, NOW + 300),
    ];
    for claims in edges {
        assert!(judged(&rules(&keyring), &with(&iat, &claims)).is_ok(), "{claims}");
    }
}

#[test]
fn a_token_is_read_up_to_four_kib_and_no_further() {
    let keyring = usual();
    let long = |filling: usize| {
        let claims = claims(BODY).replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(filling)), 1);
        signed(HEADER, &claims, SECRET.as_bytes())
    };
    let fits = (0..4096).map(long).find(|token| token.len() == 4096).unwrap();
    assert!(judged(&rules(&keyring), &fits).is_ok());
    assert_eq!(judged(&rules(&keyring), &format!("{fits}A")).map(drop), Err(Fault::TooLong));
    let nested = format!("{}{}", encoded(b"{\"a\":"), "W1tb".repeat(10_000));
    assert_eq!(judged(&rules(&keyring), &format!("{nested}.{nested}.AA")).map(drop), Err(Fault::TooLong));
}

#[test]
fn a_token_is_found_where_the_provider_puts_it() {
    let keyring = usual();
    let good = signed(HEADER, &claims(BODY), SECRET.as_bytes());
    let router = signed(r#"{"alg":"RS256","typ":"JWT"}"#, &claims(BODY), b"a router's");
    let other = signed(HEADER, &claims(BODY), b"a secret of a name");
    let bearer = |token: &str| format!("Bearer {token}");
    let (a, x, v) = ("authorization", "x-vonage-webhook-auth-token", "vonage-signature");
    let names = ["video".to_owned()];
    let all = rules(&keyring);
    let by_name = Rules { secrets: &names, ..all };
    let rows: [Row<'_>; 21] = [
        (&all, &[(a, bearer(&good))], Ok(1)),
        (&all, &[(a, format!("bEARER  {good} "))], Ok(1)),
        (&all, &[(x, good.clone())], Ok(1)),
        (&all, &[(x, bearer(&good))], Ok(1)),
        (&all, &[(a, bearer(&router)), (x, good.clone())], Ok(1)),
        (&all, &[(a, "Basic YTpi".to_owned()), (x, good.clone())], Ok(1)),
        (&all, &[(a, bearer(&router))], Err(Fault::Algorithm)),
        (&all, &[(a, "Basic YTpi".to_owned())], Err(Fault::Unsigned)),
        (&all, &[(a, good.clone())], Err(Fault::Unsigned)),
        (&all, &[], Err(Fault::Unsigned)),
        (&all, &[(a, bearer(&good)), (a, bearer(&good))], Err(Fault::TwoTokens)),
        (&all, &[(v, bearer(&good))], Err(Fault::Unsigned)),
        // Nobody knows which of two an application takes.
        (&all, &[(a, bearer(&good)), (x, good.clone())], Err(Fault::TwoTokens)),
        (&all, &[(a, bearer(&good)), (v, bearer(&other))], Err(Fault::TwoTokens)),
        (&all, &[(a, format!("Bearer\t{other}")), (x, good.clone())], Err(Fault::TwoTokens)),
        (&all, &[(a, format!("JWT {other}")), (x, good.clone())], Err(Fault::TwoTokens)),
        (&all, &[(a, bearer(&other)), (x, good.clone())], Err(Fault::TwoTokens)),
        (&all, &[(x, good.clone()), (v, bearer(&other))], Err(Fault::TwoTokens)),
        (&all, &[(a, "Bearer of-a-gateway".to_owned()), (x, good.clone())], Ok(1)),
        (&by_name, &[(v, bearer(&other))], Ok(4)),
        (&by_name, &[(a, bearer(&good))], Err(Fault::WrongMac)),
    ];
    for (rules, lines, wanted) in rows {
        let values = |name| lines.iter().filter(move |line| line.0 == name).map(|line| line.1.as_bytes());
        assert_eq!(vouch(rules, NOW, values).map(|vouched| vouched.place()), wanted, "{lines:?}");
    }
}

#[test]
fn a_token_is_for_the_applications_of_its_route() {
    let keyring = usual();
    let token = signed(HEADER, &claims(BODY), SECRET.as_bytes());
    let without = with(r#","application_id":"aaaa-bbbb""#, "");
    let for_one = |applications: &[String], token: &str| {
        judged(&Rules { applications, ..rules(&keyring) }, token).map(|vouched| vouched.place())
    };
    let (its, other) = (["x".to_owned(), "aaaa-bbbb".to_owned()], ["aaaa".to_owned()]);
    assert_eq!(for_one(&its, &token), Ok(1));
    assert_eq!(for_one(&other, &token), Err(Fault::Application));
    assert_eq!(for_one(&its, &without), Err(Fault::Application));
    assert_eq!(for_one(&[], &without), Ok(1));
}

#[test]
fn a_claim_that_may_be_missing_may_be_null() {
    let keyring = usual();
    let iat = format!(r#""iat":{}"#, NOW - 2);
    let nulls = format!(r#"{iat},"exp":null,"nbf":null"#);
    let token = judged(&rules(&keyring), &with(&iat, &nulls)).unwrap();
    assert_eq!(token.account(), Some(ACCOUNT));
}

#[test]
fn texts_of_claims_are_what_they_stand_for() {
    let keyring = usual();
    let token = with(r#""jti":"c5ba8f24-1a14""#, r#""jti":"\u00e9\/\"""#);
    let token = judged(&rules(&keyring), &token).unwrap();
    assert_eq!((token.id(), token.account()), (Some("é/\""), Some(ACCOUNT)));
}
