package experiment

// Verdict says in one paragraph what the result carries, and no more.
func (r *Result) Verdict() string { return "" }
