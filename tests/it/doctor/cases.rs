//! Runs cases side by side: most of the time each waits for the other end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::deployment::Deployment;
use super::plant::Case;
use crate::harness::cannot_run;

/// Deployments at once.
const AT_ONCE: usize = 6;

/// Every case: its fault is named, and nothing else.
pub fn are_told(cases: &[Case]) {
    let (next, wrong, ran) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    let only = std::env::var("NEXMO_GATE_DOCTOR_CASE").ok();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, SeqCst)) {
                    if only.as_ref().is_some_and(|only| !case.name.contains(only)) {
                        continue;
                    }
                    let Some(deployment) = Deployment::of(case) else {
                        cannot_run(case.name, "the proxy is missing: scripts/prerequisites-long");
                        continue;
                    };
                    ran.fetch_add(1, SeqCst);
                    let found = deployment.examined(case);
                    let checks: Vec<&str> = found.iter().map(|(check, _)| check.as_str()).collect();
                    let wanted: Vec<&str> = case.red.into_iter().collect();
                    if checks != wanted {
                        let line =
                            format!("{} ({:?}): wanted {wanted:?}, found {found:#?}", case.name, case.proxy);
                        wrong.lock().expect("the list").push(line);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("the list");
    assert!(ran.into_inner() > 0, "no case ran");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
