//! `access/show`: who may do what under the policy in force, cell by cell.

use std::sync::Arc;

use coffer_wire::api::{Cell, ShowAnswer, ShowRequest};
use coffer_wire::leaf::Action;
use coffer_wire::private::Private;

use super::answer::{Answered, body};
use super::{House, Incoming, manage};

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let asked: ShowRequest = manage::read(&house, &incoming, Action::AccessShow, true).await?;
    let (desk, _) = manage::record(&house, &incoming, Action::AccessShow, Private::default()).await?;
    let wanted = |cell: &Cell| {
        asked.category.is_none_or(|category| cell.category == category)
            && asked.field.is_none_or(|field| cell.field == Some(field))
            && asked.action.is_none_or(|action| cell.action == action)
    };
    let mut cells: Vec<Cell> = desk.force.policy.enumerate();
    cells.retain(wanted);
    body(&ShowAnswer { policy: desk.force.epoch, cells })
}
