//! Whoever asks for the same at one moment is served together: what came while the last batch was under way makes the next
//! one. Nobody waits for others to come, so that somebody alone is served at once.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// A batch whose answer is late keeps nobody waiting who comes then: after so long another one begins beside it.
const LATE: Duration = Duration::from_millis(20);
/// So many are served in one: none may lock or carry without end.
const MOST: usize = 64;

type Running<O> = Pin<Box<dyn Future<Output = Option<Vec<O>>> + Send>>;
type Serve<I, O> = dyn Fn(Vec<I>) -> Running<O> + Send + Sync;

/// Those who wait, and how they are served.
pub struct Batches<I, O>(Arc<Inner<I, O>>);

struct Inner<I, O> {
    waiting: Mutex<Waiting<I, O>>,
    serve: Box<Serve<I, O>>,
    /// So many are under way at most.
    most: usize,
}

struct Waiting<I, O> {
    items: Vec<(I, oneshot::Sender<O>)>,
    under_way: usize,
    /// When the last batch began.
    began: Instant,
}

impl<I: Send + 'static, O: Send + 'static> Batches<I, O> {
    /// `serve` has an answer for each in their order, or none at all when it failed. So many batches may be under way at `most`:
    /// one more begins where those that are take long.
    pub fn new<F>(most: usize, serve: impl Fn(Vec<I>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Vec<O>>> + Send + 'static,
    {
        let waiting = Mutex::new(Waiting { items: Vec::new(), under_way: 0, began: Instant::now() });
        Self(Arc::new(Inner { waiting, serve: Box::new(move |items| Box::pin(serve(items))), most }))
    }

    /// The answer, or nothing when the batch failed: then each is to be asked alone.
    pub async fn ask(&self, item: I) -> Option<O> {
        let (answer, mut answered) = oneshot::channel();
        self.0.lock().items.push((item, answer));
        self.serve();
        // Once more for whoever came just before it was late.
        if let Ok(answer) = tokio::time::timeout(LATE, &mut answered).await {
            return answer.ok();
        }
        self.serve();
        answered.await.ok()
    }

    /// Has those served who wait, where nobody does it yet or whoever does is late.
    fn serve(&self) {
        let begins = {
            let mut waiting = self.0.lock();
            let late = waiting.under_way < self.0.most && waiting.began.elapsed() > LATE;
            let begins = !waiting.items.is_empty() && (waiting.under_way == 0 || late);
            waiting.under_way += usize::from(begins);
            begins
        };
        if begins {
            // Not by whoever asks: who goes away takes nobody's answer along.
            tokio::spawn(Server { of: Arc::clone(&self.0), done: false }.serve());
        }
    }
}

impl<I, O> Inner<I, O> {
    fn lock(&self) -> MutexGuard<'_, Waiting<I, O>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until nobody waits.
struct Server<I, O> {
    of: Arc<Inner<I, O>>,
    done: bool,
}

impl<I, O> Server<I, O> {
    async fn serve(mut self) {
        while let Some((items, answers)) = self.next() {
            let served = (self.of.serve)(items).await;
            for (answer, told) in answers.into_iter().zip(served.into_iter().flatten()) {
                // Who went away hears nothing.
                let _gone = answer.send(told);
            }
        }
    }

    fn next(&mut self) -> Option<(Vec<I>, Vec<oneshot::Sender<O>>)> {
        let mut waiting = self.of.lock();
        let many = waiting.items.len().min(MOST);
        if many == 0 {
            waiting.under_way -= 1;
            self.done = true;
            return None;
        }
        waiting.began = Instant::now();
        Some(waiting.items.drain(..many).unzip())
    }
}

impl<I, O> Drop for Server<I, O> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // It failed altogether, or the program ends. Nobody waits for a server that is not there.
        let mut waiting = self.of.lock();
        waiting.under_way -= 1;
        if waiting.under_way == 0 {
            waiting.items.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn who_comes_meanwhile_is_served_together_and_in_order() {
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        let batches = Arc::new(Batches::new(4, move |items: Vec<u64>| {
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some(items.into_iter().map(|item| item * 2).collect())
            }
        }));
        let mut asked = JoinSet::new();
        for n in 0..200 {
            let batches = Arc::clone(&batches);
            asked.spawn(async move { (n, batches.ask(n).await) });
        }
        for (n, answer) in asked.join_all().await {
            assert_eq!(answer, Some(n * 2));
        }
        assert!(served.load(Ordering::SeqCst) <= 8, "one alone, then 64 at a time");
        assert_eq!(batches.ask(7).await, Some(14), "and somebody alone");
    }

    #[tokio::test]
    async fn one_that_is_late_keeps_nobody_waiting_who_comes_later() {
        let batches = Arc::new(Batches::new(4, |items: Vec<u64>| async move {
            let late = items.contains(&0);
            tokio::time::sleep(if late { Duration::from_secs(5) } else { Duration::ZERO }).await;
            Some(items)
        }));
        let stuck = {
            let batches = Arc::clone(&batches);
            tokio::spawn(async move { batches.ask(0).await })
        };
        tokio::time::sleep(LATE * 2).await;
        let soon = tokio::time::timeout(Duration::from_secs(2), batches.ask(1)).await;
        assert_eq!(soon.expect("somebody else serves her"), Some(1));
        stuck.abort();
    }

    #[tokio::test]
    async fn nor_who_comes_just_before_it_is_late() {
        let batches = Arc::new(Batches::new(4, |items: Vec<u64>| async move {
            let late = items.contains(&0);
            tokio::time::sleep(if late { Duration::from_secs(60) } else { Duration::ZERO }).await;
            Some(items)
        }));
        let stuck = {
            let batches = Arc::clone(&batches);
            tokio::spawn(async move { batches.ask(0).await })
        };
        while batches.0.lock().under_way == 0 || !batches.0.lock().items.is_empty() {
            tokio::task::yield_now().await;
        }
        let soon = tokio::time::timeout(Duration::from_secs(30), batches.ask(1)).await;
        assert_eq!(soon.expect("it is looked at once more"), Some(1));
        stuck.abort();
    }

    #[tokio::test]
    async fn a_batch_that_fails_leaves_nobody_waiting() {
        let batches = Arc::new(Batches::new(4, |items: Vec<u64>| async move {
            assert!(!items.contains(&13), "thirteen");
            tokio::time::sleep(Duration::from_millis(5)).await;
            (!items.contains(&4)).then_some(items)
        }));
        let mut asked = JoinSet::new();
        for n in [1, 2, 4, 13, 13, 13, 5] {
            let batches = Arc::clone(&batches);
            asked.spawn(async move { batches.ask(n).await });
        }
        let told = tokio::time::timeout(Duration::from_secs(5), asked.join_all()).await.expect("nobody waits for ever");
        assert!(told.contains(&None));
        assert_eq!(batches.ask(6).await, Some(6), "it goes on");
    }
}
