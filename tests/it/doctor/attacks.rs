//! A place that means harm: it hangs, says nonsense, never ends, leads elsewhere. The doctor ends, and says so.
