//! One command a file.

mod access;
mod approvals;
mod approve;
mod certificate;
mod drill;
mod erasures;
mod hold;
mod keys;
mod log;
mod record;
mod rotate_root;
mod schema;
mod seal;
mod status;
mod subject;
mod unseal;
mod whoami;

use coffer_client::{Erased, Logged};
use coffer_wire::Hash;
use serde::Serialize;

use crate::args::{Access, Approvals, Cli, Command, Erasures, Hold, Keys, Log, Record, Schema, Subject};
use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{Piece, count, faint, grouped, plain};

/// Runs what was typed.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let desk = Desk::new(cli.global);
    match cli.command {
        Command::Status => status::run(&desk).await,
        Command::Whoami => whoami::run(&desk).await,
        Command::Record(Record::Write(args)) => record::write::run(&desk, args).await,
        Command::Record(Record::Read(args)) => record::read::run(&desk, args).await,
        Command::Record(Record::List(args)) => record::list::run(&desk, args).await,
        Command::Record(Record::Import(args)) => record::import::run(&desk, &args).await,
        Command::Record(Record::Export(args)) => record::export::run(&desk, args).await,
        Command::Record(Record::Erase(args)) => record::erase::run(&desk, args).await,
        Command::Subject(Subject::Erase(args)) => subject::run(&desk, args).await,
        Command::Subject(Subject::Certificate(args)) => certificate::of_subject(&desk, &args).await,
        Command::Log(Log::Tail(args)) => log::tail::run(&desk, &args).await,
        Command::Log(Log::Verify(args)) => log::verify::run(&desk, &args).await,
        Command::Log(Log::Export(args)) => log::export::run(&desk, &args).await,
        Command::Log(Log::Key) => log::key::run(&desk).await,
        Command::Keys(Keys::RotateRoot(args)) => rotate_root::run(&desk, &args).await,
        Command::Seal => seal::run(&desk).await,
        Command::Unseal(args) => unseal::run(&desk, &args).await,
        Command::Drill(args) => drill::run(&desk, &args).await,
        Command::Keys(Keys::RotateLog(args)) => keys::rotate_log::run(&desk, &args).await,
        Command::Keys(Keys::List) => keys::list::run(&desk).await,
        Command::Keys(Keys::Rotate(args)) => keys::rotate::run(&desk, args).await,
        Command::Keys(Keys::Certificate(args)) => certificate::of_key(&desk, &args).await,
        Command::Keys(Keys::Jobs) => keys::jobs::run(&desk).await,
        Command::Keys(Keys::Compromised(args)) => keys::change::compromised(&desk, args).await,
        Command::Keys(Keys::Destroy(args)) => keys::change::destroy(&desk, args).await,
        Command::Keys(Keys::Shred(args)) => keys::change::shred(&desk, args).await,
        Command::Approve(args) => approve::run(&desk, &args),
        Command::Approvals(Approvals::List) => approvals::list(&desk).await,
        Command::Approvals(Approvals::Show(args)) => approvals::show(&desk, &args).await,
        Command::Approvals(Approvals::Approve(args)) => approvals::approve(&desk, &args).await,
        Command::Approvals(Approvals::Refuse(args)) => approvals::refuse(&desk, &args).await,
        Command::Erasures(Erasures::Allow(args)) => erasures::allow(&desk, args).await,
        Command::Hold(Hold::Set(args)) => hold::set(&desk, args).await,
        Command::Hold(Hold::Lift(args)) => hold::lift(&desk, args).await,
        Command::Hold(Hold::List(args)) => hold::list(&desk, args).await,
        Command::Access(Access::WhoCan(args)) => access::who_can::run(&desk, &args).await,
        Command::Access(Access::Apply(args)) => access::apply::run(&desk, &args).await,
        Command::Schema(Schema::Show(args)) => schema::show::run(&desk, &args).await,
        Command::Schema(Schema::Article30) => schema::article30::run(&desk).await,
        Command::Schema(Schema::Notice) => schema::notice::run(&desk).await,
        Command::Schema(Schema::Apply(args)) => schema::apply::run(&desk, &args).await,
    }
}

/// Where the log has it, as JSON.
#[derive(Serialize)]
struct InLog {
    index: u64,
    leaf_hash: Hash,
}

impl From<Logged> for InLog {
    fn from(logged: Logged) -> InLog {
        InLog { index: logged.index, leaf_hash: logged.leaf_hash }
    }
}

/// Where the log has it, for a person.
fn in_log(logged: &Logged) -> Piece {
    faint(format!("leaf {} of the log", grouped(logged.index)))
}

/// What an erase came to.
fn tell_erased(desk: &Desk, erased: Erased) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Report {
        erased: u32,
        log: Vec<InLog>,
    }
    if desk.screen.is_json() {
        let log = erased.logged.into_iter().map(InLog::from).collect();
        return desk.screen.json(&Report { erased: erased.records, log });
    }
    let first = erased.logged.first().map(|logged| grouped(logged.index)).unwrap_or_default();
    let place = match erased.logged.len() {
        1 => format!("leaf {first} of the log"),
        leaves => format!("{leaves} leaves of the log, the first is {first}"),
    };
    let records = count(erased.records.into(), "record", "records");
    desk.screen.line([plain(format!("{records} erased and unreadable.  ")), faint(place)])
}
