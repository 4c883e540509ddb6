//! What can be typed. Values of records and tokens have no place here: they come from files or
//! standard input, since a command line is seen by everybody on the machine.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use coffer_wire::api::Form;
use coffer_wire::api::REWRAP_RATE_MAX;
use coffer_wire::approvals::ApprovalId;
use coffer_wire::holds::HoldId;
use coffer_wire::leaf::Action;
use coffer_wire::{Confidence, Day, ExternalId, Name, Provenance};

/// Leaves that `log tail` shows unless told otherwise.
const TAIL_LEAVES: u64 = 20;
/// Leaves that `log tail` shows at most: what one request gives.
const TAIL_LEAVES_MAX: u64 = coffer_wire::api::ENTRIES_MAX;

/// The command line of a Coffer vault: its state, its records, its access log.
#[derive(Parser)]
#[command(
    name = "coffer",
    version,
    max_term_width = 100,
    after_help = "Example:\n  coffer --config clients/console/client.toml --token-file tokens/auditor log verify\n\n\
                  Exit status: 0 done, 1 refused or a check failed, 2 wrong use, 69 vault unavailable, 78 wrong configuration."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args)]
pub struct Global {
    /// How to reach the vault, and the log key that is trusted
    #[arg(long, global = true, value_name = "FILE", default_value = "client.toml")]
    pub config: PathBuf,
    /// Where your token is; `-` reads it from standard input
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // one of them is made in the life of the program
pub enum Command {
    /// Show the state of the vault, with its warnings
    #[command(
        after_help = "A sealed vault asks for no token: what gives tokens out may be down when it is needed.\n\n\
                      Examples:\n  coffer --token-file tokens/auditor status\n  coffer status"
    )]
    Status,
    /// Show for whom the vault takes you and this application
    #[command(after_help = "Example:\n  coffer --token-file tokens/rents whoami")]
    Whoami,
    /// Write, read, list, import, export or erase records
    #[command(
        subcommand,
        after_help = "Example:\n  coffer record list --purpose payments --category bank --person T-000001\n  \
                      coffer --token-file tokens/housing-officer record list --purpose housing-management --category contact \\\n    \
                      --persons tenants.txt --not-verified-since 2025-01-01"
    )]
    Record(Record),
    /// Erase a person
    #[command(subcommand, after_help = "Example:\n  coffer subject erase --purpose erasure --person T-000001")]
    Subject(Subject),
    /// Look at the access log and check it
    #[command(subcommand, after_help = "Example:\n  coffer log verify --since head --remember head")]
    Log(Log),
    /// Show the keys, rotate and destroy them; nobody ever sees key material
    #[command(subcommand, after_help = "Example:\n  coffer --token-file tokens/security-admin keys list")]
    Keys(Keys),
    /// Seal the vault at once: its keys leave its memory, and nothing but status is answered until it is unsealed
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin seal")]
    Seal,
    /// Open a sealed vault, or hand in your share for it
    #[command(
        after_help = "A share is typed without being shown, or read from a file; never from the command line, which everybody on the machine sees.\n\n\
                      Examples:\n  coffer --config clients/console/client.toml unseal\n  coffer unseal --share-file /media/officer/share\n  \
                      coffer unseal --share-file - < share"
    )]
    Unseal(Share),
    /// Show that your share, with others', or the vault's own seal would open it, while it stays open
    #[command(after_help = "Examples:\n  coffer --token-file tokens/security-admin drill\n  \
                      coffer --token-file tokens/security-admin drill --share-file /media/officer/share")]
    Drill(Share),
    /// Sign what an operator asks for a vault that does not open, with the key of this application's certificate
    #[command(
        after_help = "Example:\n  coffer --config clients/console/client.toml approve request --reason 'The disk of the head was lost' \\\n    \
                      --since head --out approval"
    )]
    Approve(Approve),
    /// See, approve or refuse what another person asked for and one alone may not do
    #[command(subcommand, after_help = "Example:\n  coffer --token-file tokens/security-admin approvals list")]
    Approvals(Approvals),
    /// Keep a person from being erased while the law asks for it
    #[command(subcommand, after_help = "Example:\n  coffer --token-file tokens/dpo hold list --controller oakvale")]
    Hold(Hold),
    /// Erase more within an hour than one person may alone, once another has approved it
    #[command(
        subcommand,
        after_help = "Example:\n  coffer --token-file tokens/dpo erasures allow --controller oakvale --category bank --purpose erasure \\\n    \
                      --count 300 --hours 2 --reason 'the tenancies that ended in 2019'"
    )]
    Erasures(Erasures),
    /// Show who may do what, or change it
    #[command(subcommand, after_help = "Example:\n  coffer access who-can read bank.account_number")]
    Access(Access),
    /// Show what is kept and why, make documents out of it, or change it
    #[command(subcommand, after_help = "Example:\n  coffer --token-file tokens/dpo schema show bank")]
    Schema(Schema),
}

/// Where a share comes from.
#[derive(Args)]
pub struct Share {
    /// The share is in FILE; `-` reads it from standard input (left out: it is asked for, where one is needed)
    #[arg(long, value_name = "FILE")]
    pub share_file: Option<PathBuf>,
}

/// Whose data, what for.
#[derive(Args, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Envelope {
    /// Whose data it is (left out: the `controller` of the configuration)
    #[arg(long)]
    pub controller: Option<Name>,
    /// What for; one of the purposes that the category permits
    #[arg(long)]
    pub purpose: Name,
    /// The case, where the category asks for one
    #[arg(long)]
    pub case: Option<String>,
    /// Why, in your words; kept in the log, at most 256 bytes
    #[arg(long)]
    pub reason: Option<String>,
}

#[derive(Args)]
pub struct Approve {
    /// What `coffer-vault check --request-head` or `--request-successor` wrote
    pub request: PathBuf,
    /// Why, in your words; it is kept in the log, at most 256 bytes
    #[arg(long)]
    pub reason: String,
    /// A checkpoint that `log verify --remember` kept: what has fewer leaves is not approved
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// The notes beside the vault's head (`head.notes`), where the log has got another key or successor since your log key
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,
    /// For how many days it counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=7))]
    pub days: u64,
    /// Where the approval is written; nothing may lie there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // as above
pub enum Record {
    /// Write fields of one record; the values come from a file or standard input
    #[command(
        after_help = "Example:\n  echo '{\"sort_code\": \"00-54-16\", \"mandate_date\": null}' | coffer --token-file tokens/bank-officer \\\n    \
                      record write --purpose payments --category bank --person T-000001 --record B-000001\n  \
                      echo '{}' | coffer --token-file tokens/housing-officer record write --purpose housing-management \\\n    \
                      --category contact --person T-000001 --record C-000001 --verified phone --verified-at 2026-11-20\n\n\
                      The values are a JSON object: field to text, or to null to take the field out. Other fields stay."
    )]
    Write(Write),
    /// Read fields of one record, masked unless told otherwise
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/rents record read --purpose payments --category bank \\\n    \
                      --person T-000001 --record B-000001 --field sort_code --field account_number --clear\n  \
                      coffer --token-file tokens/lettings-officer record read --purpose lettings --category profile \\\n    \
                      --person T-000001 --record P-000001 --field date_of_birth --form over-18"
    )]
    Read(Read),
    /// List the records of a person in a category
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/rents record list --purpose payments --category bank --person T-000001"
    )]
    List(List),
    /// Import the lines of a CSV file as records, as a map says
    #[command(after_help = "Examples:\n  coffer --json --token-file tokens/dpo schema show > schema.json\n  \
                      coffer record import bank.csv --map bank-map.toml --schema schema.json --dry-run --refused refused.csv\n  \
                      coffer --token-file tokens/bank-officer record import bank.csv --map bank-map.toml --schema schema.json\n\n\
                      The map is TOML: docs/IMPORT.md shows one and says what each key means.\n\
                      A record that stands already is left as it is and reported as `exists`; --update writes over it.\n\
                      How far it has got lies beside the CSV in FILE.coffer-import, without values: after Ctrl-C, a kill or a power \
                      cut the same command goes on. A token that ends is read again from its file.\n\
                      Exit status: 0 all lines are in, 1 some are not, 2 the map or the file is wrong.")]
    Import(Import),
    /// Export the records that persons have in a category, as CSV or lines of JSON
    #[command(
        after_help = "Examples:\n  coffer --token-file tokens/bank-officer record export --purpose payments --category bank \\\n    \
                      --persons tenants.txt --field sort_code --field account_number --out bank.csv\n  \
                      cut -d, -f1 bank.csv | tail -n +2 | sort -u | coffer --token-file tokens/rents record export \\\n    \
                      --purpose payments --category bank --persons - --schema schema.json --masked --format jsonl\n\n\
                      Whose records is for you to say, with a list of persons, one id a line: a vault looks persons up under keyed names \
                      and has no list of them to give. Each person that is looked up and each record that is read is a leaf of the log.\n\
                      A file is for its owner alone, and stands under its name only when it is whole. Values are written as they are, and \
                      cells that begin with = + - @ or a control character are run by spreadsheets: --spreadsheet-safe puts a ' \
                      before these and before cells that begin with one, and `spreadsheet_safe = true` in the map of an import takes it off."
    )]
    Export(ExportRecords),
    /// Erase one record
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/dpo record erase --purpose erasure --category bank \\\n    \
                      --person T-000001 --record B-000001"
    )]
    Erase(EraseRecord),
}

#[derive(Args)]
pub struct Write {
    #[command(flatten)]
    pub envelope: Envelope,
    /// The category
    #[arg(long)]
    pub category: Name,
    /// The person whose record it is
    #[arg(long)]
    pub person: ExternalId,
    /// The record
    #[arg(long)]
    pub record: ExternalId,
    /// The JSON object of fields; `-` reads it from standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub fields_file: PathBuf,
    /// Write only if the record has this version; 0: only if it does not exist yet
    #[arg(long, value_name = "N")]
    pub expected_version: Option<u32>,
    /// Where the values come from, such as person, web-form, phone-call; some categories ask for it
    #[arg(long, value_parser = source)]
    pub source: Option<Provenance>,
    /// Out of which document, or from which contact, the values come: a short id of your own
    #[arg(long, value_name = "ID")]
    pub reference: Option<ExternalId>,
    /// The day on which somebody made sure of the values, and of the fields of `--verified`
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub verified_at: Option<Day>,
    /// How sure the values are: confirmed, stated, reported or opinion
    #[arg(long, value_parser = confidence)]
    pub confidence: Option<Confidence>,
    /// Source and reference were given in confidence
    #[arg(long)]
    pub in_confidence: bool,
    /// A field that stays as it is, and of which somebody made sure; give it once for each
    #[arg(long, value_name = "FIELD", requires = "verified_at")]
    pub verified: Vec<Name>,
    /// A field whose value the person disputes; give it once for each
    #[arg(long, value_name = "FIELD")]
    pub disputed: Vec<Name>,
    /// A field whose value the person disputes no longer; give it once for each
    #[arg(long, value_name = "FIELD")]
    pub settled: Vec<Name>,
    /// A field about somebody else, and who that is; give it once for each
    #[arg(long, value_name = "FIELD=PERSON", value_parser = about)]
    pub about: Vec<(Name, ExternalId)>,
}

#[derive(Args)]
pub struct Read {
    #[command(flatten)]
    pub envelope: Envelope,
    /// The category
    #[arg(long)]
    pub category: Name,
    /// The person whose record it is
    #[arg(long)]
    pub person: ExternalId,
    /// The record
    #[arg(long)]
    pub record: ExternalId,
    /// A field; give it once for each, there is no "all"
    #[arg(long = "field", value_name = "FIELD", required = true)]
    pub fields: Vec<Name>,
    /// Show the values themselves, not what their masks leave of them
    #[arg(long)]
    pub clear: bool,
    /// Show them in this form: masked, clear; of a date of birth also band, or over-18 and so on: whether an age is reached
    #[arg(long, value_parser = form, conflicts_with = "clear")]
    pub form: Option<Form>,
}

/// A form of the closed list.
fn form(text: &str) -> Result<Form, String> {
    let known = || Form::ALL.iter().map(|form| form.as_str()).collect::<Vec<_>>().join(", ");
    Form::from_text(text).ok_or_else(|| format!("must be one of {}", known()))
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    pub envelope: Envelope,
    /// The category
    #[arg(long)]
    pub category: Name,
    /// The person
    #[arg(long, required_unless_present = "persons", conflicts_with = "persons")]
    pub person: Option<ExternalId>,
    /// A file with an id a line in place of one person; `-` reads it from standard input
    #[arg(long, value_name = "FILE", requires = "not_verified_since")]
    pub persons: Option<PathBuf>,
    /// Name of each record the fields of which nobody has made sure since this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub not_verified_since: Option<Day>,
}

#[derive(Args)]
pub struct Import {
    /// The CSV file: UTF-8, with a header
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How its columns become records (TOML)
    #[arg(long, value_name = "MAP")]
    pub map: PathBuf,
    /// Check every line against the schema, and send none
    #[arg(long, conflicts_with = "update")]
    pub dry_run: bool,
    /// Write over records that stand, each under the version that it has just before
    #[arg(long)]
    pub update: bool,
    /// Where to write which lines were refused: number, code, category and field, never a value
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,
    /// The schema, as `coffer --json schema show` prints it (left out: the vault is asked)
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
}

#[derive(Args)]
pub struct ExportRecords {
    #[command(flatten)]
    pub envelope: Envelope,
    /// The category
    #[arg(long)]
    pub category: Name,
    /// The persons, one id a line; `-` reads them from standard input
    #[arg(long, value_name = "FILE")]
    pub persons: PathBuf,
    /// A field; give it once for each (left out: all of the category that are used for the purpose)
    #[arg(long = "field", value_name = "FIELD")]
    pub fields: Vec<Name>,
    /// Write what the masks leave of the values, not the values themselves
    #[arg(long)]
    pub masked: bool,
    /// The file to write; it must not exist yet (left out: standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// As what: jsonl also says whence each value came
    #[arg(long, value_enum, default_value_t = Sheet::Csv)]
    pub format: Sheet,
    /// Mark cells that a spreadsheet would run
    #[arg(long)]
    pub spreadsheet_safe: bool,
    /// The schema, as `coffer --json schema show` prints it (left out, and no field named: the vault is asked)
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
}

/// How records are written down.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sheet {
    /// A line for each record, a column for each field
    Csv,
    /// An object a line
    Jsonl,
}

#[derive(Args)]
pub struct EraseRecord {
    #[command(flatten)]
    pub envelope: Envelope,
    /// The category
    #[arg(long)]
    pub category: Name,
    /// The person whose record it is
    #[arg(long)]
    pub person: ExternalId,
    /// The record
    #[arg(long)]
    pub record: ExternalId,
}

#[derive(Subcommand)]
pub enum Subject {
    /// Erase a person from some categories, or from all
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/dpo subject erase --purpose erasure --person T-000001 --category bank\n\n\
                      What is erased cannot be brought back."
    )]
    Erase(EraseSubject),
    /// Fetch the certificate of an erase into a file
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/dpo subject certificate --leaf 1234 --out erased.cert\n\n\
                      The leaf is the one that `subject erase` printed. State `refused` becomes `destroyed` within ten minutes of the erase: \
                      fetch it again then. It says nothing that tells who was erased."
    )]
    Certificate(SubjectCertificate),
}

#[derive(Args)]
pub struct SubjectCertificate {
    /// The leaf of the erase, as its receipt names it (left out: the newest erase)
    #[arg(long)]
    pub leaf: Option<u64>,
    /// The file to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct EraseSubject {
    #[command(flatten)]
    pub envelope: Envelope,
    /// The person
    #[arg(long)]
    pub person: ExternalId,
    /// A category; give it once for each (left out: all)
    #[arg(long = "category", value_name = "CATEGORY")]
    pub categories: Vec<Name>,
}

#[derive(Subcommand)]
pub enum Log {
    /// Show the newest leaves
    #[command(after_help = "Example:\n  coffer --token-file tokens/auditor log tail -n 50 --follow\n\n\
                      Each look at the log is itself recorded; --follow asks at most once a second and leaves its own looks out.")]
    Tail(Tail),
    /// Check the whole log: every leaf, the tree, the signature
    #[command(
        after_help = "Examples:\n  coffer --token-file tokens/auditor log verify --since head --remember head\n  \
                      coffer log verify --file log.dump --log-key log.pub\n  \
                      coffer log verify --certificate erased.cert --log-key log.pub\n  \
                      coffer log verify --certificate rotated.cert --log-key log.pub --since head"
    )]
    Verify(Verify),
    /// Write the whole log to a file that `log verify --file` checks without a vault
    #[command(after_help = "Example:\n  coffer --token-file tokens/auditor log export --out log.dump")]
    Export(Export),
    /// Show the log key to put into configurations: the one that yours leads to
    #[command(after_help = "Example:\n  coffer --config client.toml log key\n\n\
                      It is taken from notes that the key of your configuration has signed; a vault cannot name another.")]
    Key,
}

#[derive(Args)]
pub struct Tail {
    /// How many leaves, at most 1,000
    #[arg(short = 'n', long, value_name = "N", default_value_t = TAIL_LEAVES,
          value_parser = clap::value_parser!(u64).range(1..=TAIL_LEAVES_MAX))]
    pub lines: u64,
    /// Go on with what is added
    #[arg(short, long)]
    pub follow: bool,
}

#[derive(Args)]
#[group(id = "offline", multiple = false)]
pub struct Offline {
    /// Check a file that `log export` wrote, without a vault and without a token
    #[arg(long, value_name = "DUMP")]
    pub file: Option<PathBuf>,
    /// Check a certificate, without a vault and without a token
    #[arg(long, value_name = "FILE", conflicts_with = "remember")]
    pub certificate: Option<PathBuf>,
}

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    pub offline: Offline,
    /// A file with the log's public key, in place of `log_key` of the configuration
    #[arg(long, alias = "key", value_name = "FILE", requires = "offline")]
    pub log_key: Option<PathBuf>,
    /// A checkpoint that an earlier run remembered; the log must continue it. With --certificate: the notes in it lead from the
    /// log key that is given to the one that has signed
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Where to write the checkpoint that was verified, for --since
    #[arg(long, value_name = "FILE")]
    pub remember: Option<PathBuf>,
}

#[derive(Args)]
pub struct Export {
    /// The file to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Subcommand)]
pub enum Keys {
    /// List the keys and their states
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin keys list --json")]
    List,
    /// Have another root key follow the present one; where officers hold it, give out new shares and type them back
    #[command(
        after_help = "With a key file or a token one call does it. With shares: --threshold and --shares give out new ones, once a second admin has \
                      approved; then each officer types theirs, and the call that brings enough of them rotates. From then on the old ones open nothing.\n\n\
                      Examples:\n  coffer keys rotate-root\n  coffer keys rotate-root --threshold 2 --shares 3\n  \
                      coffer keys rotate-root --threshold 2 --shares 3 --approval Zm9vYmFyYmF6cXV4cXV4eA\n  \
                      coffer keys rotate-root --to-next-seal\n\n\
                      --to-next-seal goes to another kind of seal, or to another place or token: the operator declares it and starts the vault again. The \
                      first time it asks for a second person and names the approval; given again with --approval ID it is done. Where officers are to hold \
                      the new key, give --threshold and --shares with it, and then each new share by the same command."
    )]
    RotateRoot(RotateRoot),
    /// Give the log a new key; the old one signs for it, and beside it for 30 days
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin keys rotate-log\n\n\
                      Clients follow by themselves; put the new key into their configurations all the same (`coffer log key`).")]
    RotateLog(RotateLog),
    /// Give a key a new version, and follow how what lies under the old ones is moved
    #[command(
        after_help = "Examples:\n  coffer --token-file tokens/security-admin keys rotate bank --controller oakvale --reason 'yearly rotation'\n  \
                      coffer --token-file tokens/security-admin keys rotate --all --older-than 365 --reason 'yearly rotation'\n  \
                      coffer --token-file tokens/security-admin keys rotate bank --deep --reason 'a copy of the keys was lost'\n\n\
                      Reading and writing go on meanwhile. Ctrl-C leaves the job running; `coffer keys jobs` shows it."
    )]
    Rotate(RotateKeys),
    /// Show how far the jobs of rotations are
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin keys jobs")]
    Jobs,
    /// Mark a version of a key as compromised: what lies under it opens for nobody until it is moved
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/security-admin keys compromised bank --controller oakvale --version 1 \\\n    \
                      --reason 'a copy of the root key was lost'"
    )]
    Compromised(OneKey),
    /// Destroy a version of a key under which nothing is left; takes two people
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/security-admin keys destroy bank --controller oakvale --version 1 \\\n    \
                      --reason 'its rotation has ended'\n\n\
                      The first time it asks for a second person and names the approval; given again with `--approval ID` it is done."
    )]
    Destroy(DestroyKey),
    /// Destroy a version of a key with all that lies under it; takes two people, and nothing brings it back
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/security-admin keys shred bank --controller oakvale --version 1 --count 1204 \\\n    \
                      --reason 'the landlord has left; what is kept of it must end'"
    )]
    Shred(ShredKey),
    /// Fetch the certificate of a rotation that has ended, or of a key's end, into a file
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/security-admin keys certificate 1234 --out rotated.cert\n\n\
                      The leaf is the one of `keys.rewrap` or `keys.reseal` with which the job of a rotation ends (`coffer log tail` shows it), or the one that \
                      `keys destroy` or `keys shred` printed. Of these the state `refused` becomes `destroyed` within ten minutes."
    )]
    Certificate(KeyCertificate),
}

#[derive(Args)]
pub struct KeyCertificate {
    /// The leaf of the act
    pub leaf: u64,
    /// The file to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Another root key.
#[derive(Args)]
pub struct RotateRoot {
    /// Have the new root key held by the seal that the operator has declared under [next_seal], and no more by the present one; takes two people
    #[arg(long)]
    pub to_next_seal: bool,
    /// New shares: how many of them open the vault
    #[arg(long, requires = "shares", value_name = "NUMBER")]
    pub threshold: Option<u8>,
    /// New shares: how many are given out
    #[arg(long, requires = "threshold", value_name = "NUMBER")]
    pub shares: Option<u8>,
    /// The second person's approval, as it was named when new shares or a change of the seal were asked for
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
    #[command(flatten)]
    pub share: Share,
}

#[derive(Args)]
pub struct RotateLog {
    /// Others may hold the key: says what is to be done then, since such a key can hand nothing on
    #[arg(long)]
    pub compromised: bool,
}

#[derive(Args)]
pub struct RotateKeys {
    /// The category, or `audit` for what the log keeps in private
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub category: Option<Name>,
    /// Whose key (left out: of every controller for which you have a right)
    #[arg(long)]
    pub controller: Option<Name>,
    /// The keys of all categories
    #[arg(long)]
    pub all: bool,
    /// Only keys whose newest version is at least so many days old
    #[arg(long, value_name = "DAYS")]
    pub older_than: Option<u32>,
    /// Seal every record again under new keys of the people in it: for a key that others may hold. Not for `audit`
    #[arg(long)]
    pub deep: bool,
    /// How many keys of persons are moved in a second, with `--deep` how many records are sealed again, at most (left out: so many
    /// that reads hardly notice)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(REWRAP_RATE_MAX)))]
    pub rate: Option<u32>,
    /// Why, in your words; kept in the log, at most 256 bytes
    #[arg(long)]
    pub reason: String,
    /// Do not wait for the jobs to end
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Args)]
pub struct OneKey {
    /// The category
    pub category: Name,
    /// Whose key
    #[arg(long)]
    pub controller: Name,
    /// Which version, as `coffer keys list` says
    #[arg(long)]
    pub version: u32,
    /// Why, in your words; kept in the log, at most 256 bytes
    #[arg(long)]
    pub reason: String,
}

#[derive(Args)]
pub struct DestroyKey {
    #[command(flatten)]
    pub key: OneKey,
    /// The approval of a second person
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
}

#[derive(Args)]
pub struct ShredKey {
    #[command(flatten)]
    pub key: OneKey,
    /// How many keys of persons lie under it, as `coffer keys list` says: so many lose what they protect
    #[arg(long, value_name = "N")]
    pub count: u64,
    /// The approval of a second person
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
}

#[derive(Subcommand)]
pub enum Approvals {
    /// List what you asked for, and what is yours to decide
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin approvals list --json")]
    List,
    /// Show one request whole
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/security-admin approvals show iH0fW2eUTrmv1ZCV5Z2x0g"
    )]
    Show(ShowApproval),
    /// Approve what another person asked for; who asked then does it, naming the approval
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/second-admin approvals approve iH0fW2eUTrmv1ZCV5Z2x0g --reason 'as agreed'"
    )]
    Approve(Decide),
    /// Refuse what another person asked for, or take back what you did
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/second-admin approvals refuse iH0fW2eUTrmv1ZCV5Z2x0g"
    )]
    Refuse(Decide),
}

#[derive(Args)]
pub struct ShowApproval {
    /// Which, as `approvals list` names it
    pub id: ApprovalId,
}

#[derive(Args)]
pub struct Decide {
    /// Which, as `approvals list` names it
    pub id: ApprovalId,
    /// Why, in your words; kept in the log, at most 256 bytes
    #[arg(long)]
    pub reason: Option<String>,
}

#[derive(Subcommand)]
pub enum Hold {
    /// Put a hold on a person: nothing of theirs is erased while it stands
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/dpo hold set --controller oakvale --person T-000001 --reason 'claim 2026-117' --days 365"
    )]
    Set(SetHold),
    /// Lift a hold; needs a second person
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/dpo hold lift iH0fW2eUTrmv1ZCV5Z2x0g --controller oakvale --person T-000001 \\\n    \
                      --reason 'the claim is settled'"
    )]
    Lift(LiftHold),
    /// List the holds of a controller, or on one person
    #[command(
        after_help = "Example:\n  coffer --token-file tokens/dpo hold list --controller oakvale --person T-000001"
    )]
    List(ListHolds),
}

#[derive(Args)]
pub struct SetHold {
    /// Whose data it is
    #[arg(long)]
    pub controller: Name,
    /// The person
    #[arg(long)]
    pub person: ExternalId,
    /// Why, in your words; at most 256 bytes
    #[arg(long)]
    pub reason: String,
    /// After how many days it ends by itself (left out: when it is lifted)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_525))]
    pub days: Option<u64>,
}

#[derive(Args)]
pub struct LiftHold {
    /// Which, as `hold list` names it
    pub id: HoldId,
    /// Whose data it is
    #[arg(long)]
    pub controller: Name,
    /// The person
    #[arg(long)]
    pub person: ExternalId,
    /// Why, in your words; at most 256 bytes
    #[arg(long)]
    pub reason: String,
    /// What a second person approved
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
}

#[derive(Args)]
pub struct ListHolds {
    /// Whose data it is
    #[arg(long)]
    pub controller: Name,
    /// Only those on this person
    #[arg(long)]
    pub person: Option<ExternalId>,
}

#[derive(Subcommand)]
pub enum Erasures {
    /// Ask for more, or, with the approval of a second person, have it
    #[command(
        after_help = "Without --approval it is asked for; who may erase there too approves it (`coffer approvals approve`), and then the same \
                      command with --approval has it.\n\n\
                      Example:\n  coffer --token-file tokens/dpo erasures allow --controller oakvale --category bank --purpose erasure \\\n    \
                      --count 300 --hours 2 --reason 'the tenancies that ended in 2019' --approval Zm9vYmFyYmF6cXV4cXV4eA"
    )]
    Allow(AllowErasures),
}

#[derive(Args)]
pub struct AllowErasures {
    /// Whose data it is
    #[arg(long)]
    pub controller: Name,
    /// From which category; may be named again. To erase persons from all of them, each is named
    #[arg(long = "category", value_name = "CATEGORY", required = true)]
    pub categories: Vec<Name>,
    /// What for
    #[arg(long)]
    pub purpose: Name,
    /// The case, where a category asks for one
    #[arg(long)]
    pub case: Option<String>,
    /// How many more records and persons
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(coffer_wire::erasures::ALLOWED_MAX)))]
    pub count: u32,
    /// For how many hours, from when it is allowed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub hours: u32,
    /// Why, in your words; at most 256 bytes
    #[arg(long)]
    pub reason: String,
    /// What a second person approved
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
}

#[derive(Subcommand)]
pub enum Access {
    /// List who may do something under the policy in force
    #[command(
        after_help = "Examples:\n  coffer --token-file tokens/auditor access who-can read bank.account_number\n  \
                      coffer --token-file tokens/auditor access who-can erase complaints"
    )]
    WhoCan(WhoCan),
    /// Activate a policy; the log keeps its hash
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin access apply access.toml")]
    Apply(ApplyAccess),
}

#[derive(Args)]
pub struct WhoCan {
    /// What is done
    pub verb: Verb,
    /// To what: a category, or a field of one (bank.account_number)
    #[arg(value_parser = target)]
    pub target: Target,
}

#[derive(Args)]
pub struct ApplyAccess {
    /// The policy, such as access.toml
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What a second person approved, where it permits more than what is in force
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
}

#[derive(Subcommand)]
pub enum Schema {
    /// Show the categories in force, or one with its fields
    #[command(after_help = "Examples:\n  coffer --token-file tokens/dpo schema show\n  \
                      coffer --token-file tokens/dpo schema show bank")]
    Show(ShowSchema),
    /// Print the record of processing activities (GDPR article 30(1)) as Markdown
    #[command(after_help = "Example:\n  coffer --token-file tokens/dpo schema article30 > processing.md\n\n\
                      With --json: what the document is made of. Recipients need the right to access.show.")]
    Article30,
    /// Print the table of a privacy notice as Markdown
    #[command(after_help = "Example:\n  coffer --token-file tokens/dpo schema notice > notice.md\n\n\
                      With --json: what the document is made of.")]
    Notice,
    /// Activate a schema: all its files, one category each
    #[command(after_help = "Example:\n  coffer --token-file tokens/security-admin schema apply schema/")]
    Apply(ApplySchema),
}

#[derive(Args)]
pub struct ShowSchema {
    /// Only this category, with its fields
    pub category: Option<Name>,
}

#[derive(Args)]
pub struct ApplySchema {
    /// The folder of the files, or each file
    #[arg(value_name = "FOLDER|FILE", required = true)]
    pub paths: Vec<PathBuf>,
    /// What a second person approved, where it protects less than what is in force
    #[arg(long, value_name = "ID")]
    pub approval: Option<ApprovalId>,
}

/// What can be done to a record.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verb {
    Read,
    Write,
    List,
    Erase,
}

impl Verb {
    /// The action of the log.
    pub fn action(self) -> Action {
        match self {
            Verb::Read => Action::RecordsRead,
            Verb::Write => Action::RecordsWrite,
            Verb::List => Action::RecordsList,
            Verb::Erase => Action::RecordsErase,
        }
    }

    /// Whether it is permitted field by field; else it concerns whole records.
    pub fn is_about_fields(self) -> bool {
        matches!(self, Verb::Read | Verb::Write)
    }
}

/// A category, or one field of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub category: Name,
    pub field: Option<Name>,
}

fn target(text: &str) -> Result<Target, String> {
    let name = |text| Name::new(text).map_err(|error| error.to_string());
    match text.split_once('.') {
        None => Ok(Target { category: name(text)?, field: None }),
        Some((category, field)) => Ok(Target { category: name(category)?, field: Some(name(field)?) }),
    }
}

fn about(text: &str) -> Result<(Name, ExternalId), String> {
    let (field, person) = text.split_once('=').ok_or("write it as FIELD=PERSON")?;
    let field = Name::new(field).map_err(|error| error.to_string())?;
    Ok((field, ExternalId::new(person).map_err(|error| error.to_string())?))
}

fn confidence(text: &str) -> Result<Confidence, String> {
    Confidence::from_text(text).ok_or_else(|| {
        let known: Vec<_> = Confidence::ALL.iter().map(|one| one.as_str()).collect();
        format!("must be one of {}", known.join(", "))
    })
}

fn source(text: &str) -> Result<Provenance, String> {
    Provenance::from_text(text).ok_or_else(|| {
        let known: Vec<_> = Provenance::ALL.iter().map(|one| one.as_str()).collect();
        format!("must be one of {}", known.join(", "))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn look(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains("coffer "), "{}", command.get_name());
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }

    #[test]
    fn no_option_takes_a_token_or_a_value_of_a_record() {
        let parse = |args: &str| Cli::try_parse_from(args.split(' ')).map(|_| ());
        assert!(parse("coffer --token abc status").is_err());
        let write = "coffer record write --purpose payments --category bank --person p --record r";
        assert!(parse(write).is_ok());
        assert!(parse(&format!("{write} --field sort_code=00-00-00")).is_err());
        assert!(parse(&format!("{write} sort_code=00-00-00")).is_err());
    }

    #[test]
    fn a_read_names_its_purpose_and_its_fields() {
        let parse = |args: &str| Cli::try_parse_from(args.split(' ')).map(|_| ());
        let read = "coffer record read --category bank --person p --record r";
        assert!(parse(&format!("{read} --purpose payments --field sort_code")).is_ok());
        assert!(parse(&format!("{read} --purpose payments")).is_err());
        assert!(parse(&format!("{read} --field sort_code")).is_err());
    }

    #[test]
    fn a_target_is_a_category_or_a_field_of_one() {
        let name = |text| Name::new(text).unwrap();
        assert_eq!(target("bank"), Ok(Target { category: name("bank"), field: None }));
        assert_eq!(target("bank.iban"), Ok(Target { category: name("bank"), field: Some(name("iban")) }));
        for wrong in ["", ".", "bank.", ".iban", "bank.iban.x", "Bank"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_field_about_somebody_names_field_and_person() {
        let (field, person) = about("witness_statement=N=7").unwrap();
        assert_eq!((field.as_str(), person.as_str()), ("witness_statement", "N=7"));
        assert!(about("witness_statement").is_err() && about("=x").is_err() && about("a=").is_err());
    }
}
