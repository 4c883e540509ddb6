//! Out of one vault and into another: every category that is shipped, every field, made-up values of every type.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coffer_tests::harness::{Home, Running, Serving, Store};
use coffer_wire::schema::{Category, Consent, Field, FieldType, SchemaAnswer, Subject};
use coffer_wire::{Name, Provenance};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use super::clerk::Clerk;

const ROLE: &str = "mover";
const APPLICATION: &str = "housing-desk";
const PERSONS: u64 = 5;
const CATEGORIES: usize = 22;

/// A policy in which one role at one application may read, list and write everything, for all that it is used for.
fn policy(dir: &Path) {
    let mut text = format!(
        "[[role]]\nname = \"{ROLE}\"\ntitle = \"Mover\"\n\n[[duty]]\nname = \"shows\"\nrole = \"{ROLE}\"\nacts = [\"schema.show\"]\n"
    );
    let (mut categories, mut all) = (Vec::new(), BTreeSet::new());
    let mut files: Vec<_> = std::fs::read_dir(dir.join("schema")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for (at, file) in files.iter().enumerate() {
        let schema: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        let category = schema["name"].as_str().unwrap();
        categories.push(category.to_owned());
        let purposes: BTreeSet<_> = schema["field"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|field| field["purposes"].as_array().unwrap())
            .collect::<Vec<_>>()
            .into_iter()
            .map(|purpose| purpose.as_str().unwrap().to_owned())
            .collect();
        for (of, purpose) in purposes.iter().enumerate() {
            let used =
                schema["field"].as_array().unwrap().iter().filter(|field| {
                    field["purposes"].as_array().unwrap().iter().any(|one| one.as_str() == Some(purpose))
                });
            let fields: Vec<_> = used.map(|field| field["name"].as_str().unwrap()).collect();
            for (action, more) in [
                ("list", String::new()),
                ("write", format!("fields = {fields:?}\n")),
                ("read", format!("fields = {fields:?}\nforms = [\"clear\"]\n")),
            ] {
                text += &format!(
                    "\n[[grant]]\nname = \"g{at}-{of}-{action}\"\nrole = \"{ROLE}\"\ncategory = \"{category}\"\nactions = [\"{action}\"]\npurposes = [\"{purpose}\"]\n{more}"
                );
            }
        }
        all.extend(purposes);
    }
    text += &format!(
        "\n[[application]]\nname = \"{APPLICATION}\"\ncategories = {categories:?}\nactions = [\"read\", \"list\", \"write\"]\npurposes = {:?}\nacts = [\"schema.show\"]\ncontrollers = [\"oakvale\"]\n\n[revoked]\ncertificates = []\napplications = []\npersons = []\ntokens = []\n",
        all.iter().collect::<Vec<_>>()
    );
    std::fs::write(dir.join("access.toml"), text).unwrap();
}

fn vault() -> Running {
    Home::with(Store::Memory, policy).serve()
}

/// A value of a field: one that its type takes, and as awkward as it may be.
fn value(field: &Field, random: &mut ChaCha8Rng) -> String {
    let pick = |random: &mut ChaCha8Rng, from: &[&str]| from[random.next_u32() as usize % from.len()].to_owned();
    let number = |random: &mut ChaCha8Rng, below: u32| random.next_u32() % below;
    let text = match field.kind {
        FieldType::Enum => field.choices[random.next_u32() as usize % field.choices.len()].clone(),
        FieldType::Date => {
            format!("{:04}-{:02}-{:02}", 1 + number(random, 9_999), 1 + number(random, 12), 1 + number(random, 28))
        }
        FieldType::Money => pick(random, &["0.00", "-3.00", "12.50", "-0.05", "9999999999999.99"]),
        FieldType::Number => format!("{:0>2}", number(random, 90)),
        FieldType::SortCode => format!("00-{:02}-{:02}", number(random, 100), number(random, 100)),
        FieldType::AccountNumber => format!("0000{:04}", number(random, 10_000)),
        FieldType::Phone => pick(random, &["07700 900123", "+44 7700 900123", "0800 1111"]),
        FieldType::Email => pick(random, &["ada@example.org", "zoë@example.org", "a.b+c@mail.example.co.uk"]),
        FieldType::Postcode => pick(random, &["SW1A 1AA", "M1 1AA", "GIR 0AA"]),
        FieldType::NiNumber => pick(random, &["AA123456A", "JG103759D"]),
        FieldType::Text => {
            pick(random, &["=1+2", " Zoë ", "'quoted'", "a,b;\"c\"", "@x", "-", "\u{202e}x", "''", "{a}", "名前"])
        }
        FieldType::Note => pick(random, &["two\nlines", "\ttab,\n\"quoted\"\n", "=x", "\n", "'\t", "plain"]),
    };
    match field.max_bytes < text.len() {
        true => "x".repeat(field.max_bytes.min(1)),
        false => text,
    }
}

/// Some fields of a category that are used for one purpose and taken from one source.
struct Way<'a> {
    purpose: Name,
    source: Provenance,
    fields: Vec<&'a Field>,
}

/// Ways through a category, until every field was on one.
fn ways(category: &Category) -> Vec<Way<'_>> {
    let mut left: BTreeSet<_> = category.fields.iter().map(|field| field.name).collect();
    let mut ways = Vec::new();
    while !left.is_empty() {
        let pairs =
            category.purposes.iter().flat_map(|purpose| category.source.iter().map(move |source| (purpose, source)));
        let of = |(purpose, source): (&Name, &Provenance)| {
            let fits = |field: &&Field| field.purposes.contains(purpose) && field.source.contains(source);
            let fields = category.fields.iter().filter(|field| left.contains(&field.name)).filter(fits).collect();
            Way { purpose: *purpose, source: *source, fields }
        };
        let way = pairs.map(of).max_by_key(|way| way.fields.len()).unwrap();
        assert!(!way.fields.is_empty(), "{} has a field that nobody can write", category.name);
        way.fields.iter().for_each(|field| assert!(left.remove(&field.name)));
        ways.push(way);
    }
    ways
}

fn map(category: &Category, way: &Way<'_>, safe: bool) -> String {
    let Way { purpose, source, fields } = way;
    let mut map = format!(
        "controller = \"oakvale\"\nperson = \"{{person}}\"\npurpose = \"{purpose}\"\ncase = \"case-1\"\nsource = \"{source}\"\ntrim = false\nspreadsheet_safe = {safe}\n\
         [[record]]\ncategory = \"{}\"\nrecord = \"{{record}}\"\n[record.fields]\n",
        category.name
    );
    for field in fields {
        let about = if field.subject == Subject::Other { ", about = \"other-{record}\"" } else { "" };
        map += &format!("{} = {{ from = \"{{{}}}\"{about} }}\n", field.name, field.name);
    }
    map
}

/// Writes made-up records along a way, by plain HTTP. What a card's number might be seen in is drawn again.
async fn fill(vault: &Running, token: &str, category: &Category, way: &Way<'_>, random: &mut ChaCha8Rng) {
    let Way { purpose, source, fields } = way;
    let items: Vec<_> = (0..PERSONS)
        .map(|person| {
            let (mut values, mut about) = (Map::new(), Map::new());
            for (at, field) in fields.iter().enumerate() {
                // Each field is absent from some records, but for the first and those that a record must have; consent is
                // given and not withdrawn, or nothing could be read.
                let is = |which: fn(&Consent) -> Name| category.consent.as_ref().map(which) == Some(field.name);
                let stays = at == 0 || field.required || is(|consent| consent.given);
                if is(|consent| consent.withdrawn) || (!stays && random.next_u32().is_multiple_of(4)) {
                    continue;
                }
                values.insert(field.name.to_string(), value(field, random).into());
                if field.subject == Subject::Other {
                    about.insert(field.name.to_string(), format!("other-r {person}").into());
                }
            }
            json!({ "category": category.name, "person": format!("p-{person}"), "record": format!("r {person}"),
                "source": source, "fields": values, "about": about })
        })
        .collect();
    let body = json!({ "controller": "oakvale", "purpose": purpose, "case": "case-1", "items": items });
    let reply = vault.raw(APPLICATION).post("/v1/records/write", Some(token), &body).await.json();
    for item in reply["items"].as_array().unwrap() {
        assert_eq!(item["status"], 200, "{}: {}", category.name, item);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_one_vault_comes_into_another_with_the_same_values() {
    let (from, to) = (vault(), vault());
    let [out, into] = [&from, &to].map(|vault| Clerk::new(vault, ROLE, APPLICATION));
    let schema: SchemaAnswer = serde_json::from_str(&out.coffer(&["--json", "schema", "show"]).ok().out).unwrap();
    assert_eq!(schema.categories.len(), CATEGORIES);
    let token = from.home().token_of("mover@example", &[ROLE], APPLICATION, &["oakvale"]);
    let mut random = ChaCha8Rng::seed_from_u64(22);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let persons: String = (0..PERSONS).map(|person| format!("p-{person}\n")).collect();
    out.file("persons.txt", &persons);
    into.file("persons.txt", &persons);
    for (at, category) in schema.categories.iter().enumerate() {
        let safe = at % 2 == 0;
        for (nth, way) in ways(category).iter().enumerate() {
            fill(&from, &token, category, way, &mut random).await;
            let Way { purpose, fields, .. } = way;
            let names: Vec<_> =
                fields.iter().flat_map(|field| ["--field".to_owned(), field.name.to_string()]).collect();
            let export = |clerk: &Clerk<'_>, file: &str| {
                let mut words = vec![
                    "record",
                    "export",
                    "--controller",
                    "oakvale",
                    "--case",
                    "case-1",
                    "--purpose",
                    purpose.as_str(),
                ];
                words.extend(["--category", category.name.as_str(), "--persons", "persons.txt", "--out", file]);
                words.extend(names.iter().map(String::as_str));
                words.extend(safe.then_some("--spreadsheet-safe"));
                clerk.coffer(&words).ok();
                clerk.text(file)
            };
            let file = format!("{}-{nth}.csv", category.name);
            let exported = export(&out, &file);
            into.file("in.csv", &exported);
            into.file("map.toml", map(category, way, safe));
            let mut words = vec!["record", "import", "in.csv", "--map", "map.toml"];
            words.extend((nth > 0).then_some("--update"));
            into.coffer(&words).ok();
            std::fs::remove_file(into.path("in.csv.coffer-import")).unwrap();
            assert_eq!(export(&into, &file), exported, "{}", category.name);
            // The export itself is not believed: the values are those that plain HTTP reads.
            for person in 0..PERSONS {
                let read = read(&from, &token, category, way, person).await;
                *seen.entry("values").or_default() += read.as_object().unwrap().len();
                let other = to.home().token_of("mover@example", &[ROLE], APPLICATION, &["oakvale"]);
                assert_eq!(self::read(&to, &other, category, way, person).await, read, "{}", category.name);
            }
        }
    }
    assert!(seen["values"] > CATEGORIES * 10, "{seen:?}");
}

async fn read(vault: &Running, token: &str, category: &Category, way: &Way<'_>, person: u64) -> Value {
    let fields: Vec<_> = way.fields.iter().map(|field| field.name).collect();
    let item = json!({ "category": category.name, "person": format!("p-{person}"), "record": format!("r {person}"),
        "fields": fields, "form": "clear" });
    let body = json!({ "controller": "oakvale", "purpose": way.purpose, "case": "case-1", "items": [item] });
    let reply = vault.raw(APPLICATION).post("/v1/records/read", Some(token), &body).await.json();
    assert_eq!(reply["items"][0]["status"], 200, "{}: {reply}", category.name);
    reply["items"][0]["fields"].clone()
}
