//! Many works at once, handed in one after the other. The writer takes what waits into one commit, so that seeding is
//! quick; and since every work enters its queue in the order of this list, the same list gives the same numbers.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Works begun at the same time; two batches of the writer.
const AT_ONCE: usize = 512;

/// Does all works, the earlier ones handed in first. Stops at the first error.
pub async fn all<F, T, E>(works: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut works = works.into_iter();
    let mut done = Vec::new();
    loop {
        let mut open: Vec<(Pin<Box<F>>, Option<T>)> =
            works.by_ref().take(AT_ONCE).map(|work| (Box::pin(work), None)).collect();
        if open.is_empty() {
            return Ok(done);
        }
        poll_fn(|cx| {
            let mut waits = false;
            for (work, answer) in open.iter_mut().filter(|(_, answer)| answer.is_none()) {
                match work.as_mut().poll(cx) {
                    Poll::Ready(Ok(value)) => *answer = Some(value),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => waits = true,
                }
            }
            if waits { Poll::Pending } else { Poll::Ready(Ok(())) }
        })
        .await?;
        done.extend(open.into_iter().filter_map(|(_, answer)| answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_list_and_an_error_ends_it() {
        let slow = |number: u64| async move {
            tokio::time::sleep(std::time::Duration::from_micros(600 - number.min(600))).await;
            if number == 900 { Err(number) } else { Ok(number) }
        };
        assert_eq!(all((0..600).map(slow)).await, Ok((0..600).collect()));
        assert_eq!(all((890..1000).map(slow)).await, Err(900));
    }
}
