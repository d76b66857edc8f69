//! The proxy's own health checks find the gate well, and a gate that drains is not asked any more.

use super::stand::{Recipe, Stand};
use crate::harness::upstream::script::echo;
use crate::harness::{PATIENCE, Signal, post, wait_until};

/// More checks than a proxy needs to make up its mind.
const ENOUGH: u64 = 4;

pub fn are_green_for(recipe: &'static Recipe) {
    let drains = |setup: crate::harness::Setup| setup.key("drain", "{ delay: 60s, grace: 15s }");
    let Some(mut stand) = Stand::with(recipe, echo, drains) else { return };
    let from = recipe.people.admitted;
    let ask = |case: &str| {
        stand.front.session(from).try_ask(&post("/webhooks/x", case)).ok().map(|reply| reply.status)
    };
    let checked = || stand.gate.metric("health_probes_total");
    wait_until(|| checked() >= ENOUGH, || format!("{} checks", checked()));
    assert_eq!(ask("green"), Some(200));
    assert_eq!(
        stand.gate.events(2).len(),
        2,
        "who waited for the proxy, and this one: checks are not logged"
    );
    // The gate would still serve, and says that it ends: the proxy takes its word for it.
    stand.gate.signal(Signal::SIGTERM);
    let refused = if recipe.speaks_http { Some(503) } else { None };
    wait_until(|| ask("draining") == refused, || "the proxy still asks".to_owned());
    let served = stand.upstream.arrivals().len();
    assert_eq!(ask("drained"), refused);
    assert_eq!(stand.upstream.arrivals().len(), served);
    stand.gate.signal(Signal::SIGQUIT);
    stand.gate.wait_exit(PATIENCE);
}
