//! Certificates and tokens: what is taken, what is refused, what is looked at again.

use super::*;

#[test]
fn a_good_token_makes_a_caller_with_both_algorithms() {
    let house = House::new();
    let es256 = house.sign(&json!({"alg": "ES256", "kid": "p"}), &claims().to_string());
    for token in [house.token_with(|_| {}), es256] {
        let caller = house.gate.admit(&peer("desk.apps"), Some(&token), NOW_MS).ok().unwrap();
        assert_eq!(caller.application(), name("desk"));
        assert_eq!(caller.roles(), [name("rents")]);
        assert_eq!(caller.controllers(), [name("brookside"), name("oakvale")]);
        assert_eq!(caller.staff().unwrap().sub, "alice");
    }
}

#[test]
fn each_kind_of_bad_token_is_refused() {
    let house = House::new();
    let seconds = NOW_MS / 1_000;
    let with = |change: fn(&mut Value, u64)| house.token_with(|claims| change(claims, seconds));
    let signed = |header: Value| house.sign(&header, &claims().to_string());
    let good = house.token_with(|_| {});
    let doubled = claims().to_string().replacen('{', "{\"sub\":\"mallory\",", 1);
    let invalid = Code::CredentialInvalid;
    for (what, token, expected) in [
        (
            "expired",
            with(|c, s| {
                c["iat"] = json!(s - 100);
                c["exp"] = json!(s)
            }),
            (Code::CredentialExpired, "token-expired"),
        ),
        (
            "from the future",
            with(|c, s| {
                c["iat"] = json!(s + 61);
                c["exp"] = json!(s + 600)
            }),
            (Code::CredentialExpired, "token-from-future"),
        ),
        ("not yet", with(|c, s| c["nbf"] = json!(s + 61)), (Code::CredentialExpired, "token-from-future")),
        (
            "too long",
            with(|c, s| {
                c["iat"] = json!(s - 10);
                c["exp"] = json!(s + 891)
            }),
            (invalid, "token-life"),
        ),
        (
            "ends before it begins",
            with(|c, s| {
                c["iat"] = json!(s + 30);
                c["exp"] = json!(s + 30)
            }),
            (invalid, "token-life"),
        ),
        ("beyond all time", with(|c, _| c["exp"] = json!(u64::MAX)), (invalid, "token-life")),
        ("other audience", with(|c, _| c["aud"] = json!(["shop", "Coffer"])), (invalid, "token-audience")),
        (
            "no audience",
            with(|c, _| {
                c.as_object_mut().unwrap().remove("aud");
            }),
            (invalid, "token-claims"),
        ),
        (
            "no jti",
            with(|c, _| {
                c.as_object_mut().unwrap().remove("jti");
            }),
            (invalid, "token-claims"),
        ),
        (
            "no iat",
            with(|c, _| {
                c.as_object_mut().unwrap().remove("iat");
            }),
            (invalid, "token-claims"),
        ),
        (
            "no roles",
            with(|c, _| {
                c.as_object_mut().unwrap().remove("roles");
            }),
            (invalid, "token-claims"),
        ),
        (
            "no controllers",
            with(|c, _| {
                c.as_object_mut().unwrap().remove("controllers");
            }),
            (invalid, "token-claims"),
        ),
        (
            "no client",
            with(|c, _| {
                c.as_object_mut().unwrap().remove("azp");
            }),
            (invalid, "token-client"),
        ),
        ("other client", with(|c, _| c["azp"] = json!("console-client")), (invalid, "token-client")),
        ("two clients", with(|c, _| c["client_id"] = json!("console-client")), (invalid, "token-client")),
        ("empty subject", with(|c, _| c["sub"] = json!("")), (invalid, "token-claims")),
        ("subject with a line", with(|c, _| c["sub"] = json!("a\nb")), (invalid, "token-claims")),
        ("role that is no name", with(|c, _| c["roles"] = json!(["Rents!"])), (invalid, "token-claims")),
        ("unknown issuer", with(|c, _| c["iss"] = json!("https://evil.example")), (invalid, "token-issuer")),
        ("another issuer's key", with(|c, _| c["iss"] = json!("https://other.example")), (invalid, "token-key")),
        (
            "other certificate",
            with(|c, _| c["cnf"] = json!({"x5t#S256": base64(&[8; 32])})),
            (invalid, "token-certificate"),
        ),
        ("bond of another kind", with(|c, _| c["cnf"] = json!({"jkt": "x"})), (invalid, "token-claims")),
        ("unknown role", with(|c, _| c["roles"] = json!(["rents", "boss"])), (Code::ForbiddenRole, "role-unknown")),
        ("data and keys", with(|c, _| c["roles"] = json!(["rents", "admin"])), (Code::RolesConflict, "roles-conflict")),
        ("data and log", with(|c, _| c["roles"] = json!(["dpo", "auditor"])), (Code::RolesConflict, "roles-conflict")),
        (
            "keys and log",
            with(|c, _| c["roles"] = json!(["admin", "auditor"])),
            (Code::RolesConflict, "roles-conflict"),
        ),
        ("doubled claim", house.sign(&json!({"alg": "EdDSA", "kid": "e"}), &doubled), (invalid, "token-claims")),
        ("alg none", format!("{}..", base64(br#"{"alg":"none","kid":"e"}"#)), (invalid, "token-form")),
        ("alg none, signed", signed(json!({"alg": "none", "kid": "e"})), (invalid, "token-form")),
        ("alg HS256", signed(json!({"alg": "HS256", "kid": "e"})), (invalid, "token-signature")),
        ("alg RS256", signed(json!({"alg": "RS256", "kid": "e"})), (invalid, "token-signature")),
        ("alg of another key", signed(json!({"alg": "EdDSA", "kid": "p"})), (invalid, "token-signature")),
        ("ES256 by the EdDSA key", signed(json!({"alg": "ES256", "kid": "e"})), (invalid, "token-signature")),
        ("unknown kid", signed(json!({"alg": "EdDSA", "kid": "x"})), (invalid, "token-key")),
        ("no kid", signed(json!({"alg": "EdDSA"})), (invalid, "token-key")),
        ("critical extension", signed(json!({"alg": "EdDSA", "kid": "e", "crit": ["b64"]})), (invalid, "token-type")),
        ("other type", signed(json!({"alg": "EdDSA", "kid": "e", "typ": "logout+jwt"})), (invalid, "token-type")),
        ("key in the header", strangers(json!({"alg": "EdDSA", "kid": "x"})), (invalid, "token-key")),
        (
            "key in the header under a known kid",
            strangers(json!({"alg": "EdDSA", "kid": "e"})),
            (invalid, "token-signature"),
        ),
        ("bad signature", format!("{}{}", &good[..good.len() - 4], "AAAA"), (invalid, "token-signature")),
        ("no signature", good[..=good.rfind('.').unwrap()].to_owned(), (invalid, "token-signature")),
        ("other claims under the signature", other_claims(&good), (invalid, "token-signature")),
        ("two parts", good[..good.rfind('.').unwrap()].to_owned(), (invalid, "token-form")),
        ("four parts", format!("{good}.e30"), (invalid, "token-form")),
        ("nothing", String::new(), (invalid, "token-form")),
        ("too long a text", "a".repeat(TOKEN_BYTES_MAX + 1), (invalid, "token-length")),
    ] {
        assert_eq!(house.refusal(&token), expected, "{what}");
    }
    assert_eq!(house.gate.tokens().kept(), 6, "those that are good in themselves and wrong for this caller or policy");
}

/// A token that brings the key under which it verifies.
fn strangers(mut header: Value) -> String {
    let key = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    header["jwk"] = ed25519_key("x", &key);
    let message = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims().to_string().as_bytes()));
    format!("{message}.{}", base64(key.sign(message.as_bytes()).as_ref()))
}

/// The signature of one token under the claims of another.
fn other_claims(good: &str) -> String {
    let parts: Vec<&str> = good.split('.').collect();
    let forged = claims().to_string().replace("alice", "mallory");
    format!("{}.{}.{}", parts[0], base64(forged.as_bytes()), parts[2])
}

#[test]
fn the_longest_life_and_the_widest_skew_are_taken() {
    let house = House::new();
    let seconds = NOW_MS / 1_000;
    let token = house.token_with(|claims| {
        claims["iat"] = json!(seconds + 60);
        claims["exp"] = json!(seconds + 960);
        claims["aud"] = json!(["shop", "coffer"]);
        claims["cnf"] = json!({"x5t#S256": base64(&[7; 32])});
        claims["client_id"] = json!("desk-client");
        claims["scope"] = json!("whatever");
    });
    assert!(house.gate.admit(&peer("desk.apps"), Some(&token), NOW_MS).is_ok());
}

#[test]
fn a_failure_is_not_kept_and_a_good_token_is() {
    let house = House::new();
    let future = house.token_with(|claims| claims["iat"] = json!(NOW_MS / 1_000 + 90));
    assert_eq!(house.refusal(&future).1, "token-from-future");
    assert_eq!(house.gate.tokens().kept(), 0);
    assert!(house.gate.admit(&peer("desk.apps"), Some(&future), NOW_MS + 60_000).is_ok(), "its time has come");
    assert_eq!(house.gate.tokens().kept(), 1);
    for _ in 0..3 {
        house.refusal(&house.token_with(|claims| claims["aud"] = json!("shop")));
    }
    assert_eq!(house.gate.tokens().kept(), 1);
}

#[test]
fn a_kept_token_still_expires_and_then_goes() {
    let house = House::new();
    let token = house.token_with(|_| {});
    let admit = |now_ms| house.gate.admit(&peer("desk.apps"), Some(&token), now_ms);
    let first = admit(NOW_MS).ok().unwrap();
    let second = admit(NOW_MS + 599_999).ok().unwrap();
    assert!(Arc::ptr_eq(first.staff().unwrap(), second.staff().unwrap()), "verified once");
    let refusal = admit(NOW_MS + 600_000).err().unwrap();
    assert_eq!((refusal.code, refusal.rule), (Code::CredentialExpired, "token-expired"));
    assert_eq!(refusal.staff.unwrap().sub, "alice", "the leaf can say whose token it was");
    assert_eq!(house.gate.tokens().kept(), 0);
}

#[test]
fn a_kept_token_is_verified_anew_when_keys_change() {
    let house = House::new();
    let token = house.token_with(|_| {});
    assert!(house.gate.admit(&peer("desk.apps"), Some(&token), NOW_MS).is_ok());
    assert!(!house.gate.tokens().reload().changed, "nothing has changed");
    let other = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let file = house.home.path().join("one.json");
    std::fs::write(&file, "{").unwrap();
    assert_eq!(house.gate.tokens().reload().failed[0].file, file.display().to_string());
    assert!(house.gate.admit(&peer("desk.apps"), Some(&token), NOW_MS).is_ok(), "a broken file changes nothing");
    std::fs::write(&file, jwks(&[ed25519_key("e", &other)])).unwrap();
    assert!(house.gate.tokens().reload().changed);
    assert_eq!(house.refusal(&token), (Code::CredentialInvalid, "token-signature"));
}

#[test]
fn what_is_revoked_is_refused_from_the_next_request_on() {
    let house = House::new();
    let token = house.token_with(|_| {});
    let hex = "07".repeat(32);
    let mut epoch = 1;
    for (revoked, expected) in [
        (format!("certificates = [\"{hex}\"]"), "certificate-revoked"),
        ("applications = [\"desk\"]".to_owned(), "application-revoked"),
        ("persons = [\"https://id.example alice\"]".to_owned(), "person-revoked"),
        ("tokens = [\"1\"]".to_owned(), "token-revoked"),
    ] {
        let before = house.gate.admit(&peer("desk.apps"), Some(&token), NOW_MS).ok().unwrap();
        house.gate.activate(in_force(epoch + 1, &format!("{ACCESS}{revoked}\n"), house.home.path()));
        assert_eq!(house.refusal(&token), (Code::CredentialRevoked, expected));
        assert_eq!((before.epoch(), house.gate.in_force().epoch), (epoch, epoch + 1));
        epoch += 2;
        house.gate.activate(in_force(epoch, ACCESS, house.home.path()));
    }
    let others = ["persons = [\"https://other.example alice\", \"https://id.example alice2\"]", "tokens = [\"2\"]"];
    for other in others {
        epoch += 1;
        house.gate.activate(in_force(epoch, &format!("{ACCESS}{other}\n"), house.home.path()));
        assert!(house.gate.admit(&peer("desk.apps"), Some(&token), NOW_MS).is_ok(), "{other}");
    }
}

#[test]
fn an_epoch_does_not_come_back() {
    let house = House::new();
    house.gate.activate(in_force(5, ACCESS, house.home.path()));
    house.gate.activate(in_force(4, ACCESS, house.home.path()));
    house.gate.activate(in_force(5, ACCESS, house.home.path()));
    assert_eq!(house.gate.in_force().epoch, 5);
}

#[test]
fn a_certificate_is_looked_at_on_each_request() {
    let house = House::new();
    let refused = |peer: &PeerCertificate, now_ms| {
        let refusal = house.gate.admit(peer, None, now_ms).err().unwrap();
        (refusal.code, refusal.rule, refusal.application)
    };
    let desk = peer("desk.apps");
    assert_eq!(
        refused(&desk, desk.not_after_ms + 1),
        (Code::CredentialExpired, "certificate-dates", Some(name("desk")))
    );
    assert_eq!(refused(&desk, desk.not_before_ms - 1).1, "certificate-dates");
    assert_eq!(refused(&peer("nobody.apps"), NOW_MS), (Code::CredentialUnknown, "certificate-unknown", None));
    assert_eq!(refused(&peer("closed.apps"), NOW_MS).1, "application-suspended");
    assert!(house.gate.admit(&desk, None, NOW_MS).is_ok());
}

#[test]
fn aliases_live_as_long_as_the_token_is_kept() {
    let house = House::new();
    let caller = house.caller("desk", &["rents"]);
    let aliases = &caller.staff().unwrap().aliases;
    let (oakvale, audit) = (name("oakvale"), name("audit"));
    assert_eq!(aliases.find(&oakvale, &audit, "2026H2"), None);
    aliases.keep(oakvale, audit, "2026H2", [1; 16]);
    assert_eq!(aliases.find(&oakvale, &audit, "2026H2"), Some([1; 16]));
    for (controller, category, period) in
        [("brookside", "audit", "2026H2"), ("oakvale", "bank", "2026H2"), ("oakvale", "audit", "2027H1")]
    {
        assert_eq!(aliases.find(&name(controller), &name(category), period), None);
    }
}
