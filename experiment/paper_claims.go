package experiment

import (
	"fmt"
	"math"
	"strings"
)

// An Outcome is what a run says of a claim.
type Outcome string

// The outcomes.
const (
	Holds        Outcome = "holds"
	DoesNotHold  Outcome = "does not hold"
	CannotBeTold Outcome = "cannot be told from this"
)

// A Claim is one that the paper makes, or one on a question that it left open.
type Claim struct {
	Part  string `json:"part"`  // the name of one of PaperParts
	Claim string `json:"claim"` // a sentence
	// Paper is the paper's figure, empty for what it left open.
	Paper   string  `json:"paper,omitempty"`
	Here    string  `json:"here"` // the figure of this run
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why"` // the outcome follows
}

// Claims judges claim by claim what the result has. Ratios of times are judged by
// their quartiles, accuracies and losses by the 95 % interval of their mean and by the
// tests of Result.Verdict, areas and bytes by their numbers.
func (r *PaperResult) Claims() []Claim {
	var list []Claim
	list = append(list, r.speedClaims()...)
	list = append(list, r.memoryClaims()...)
	list = append(list, r.hardwareClaims()...)
	list = append(list, r.networkClaims()...)
	list = append(list, r.alphaClaims()...)
	return append(list, r.recurrentClaims()...)
}

// atLeast tells whether what lies between low and high is at least a bound.
func atLeast(low, high, bound float64) Outcome {
	switch {
	case low >= bound:
		return Holds
	case high < bound:
		return DoesNotHold
	}
	return CannotBeTold // NaN too
}

// ratio is that of two spreads; its quartiles are the least and the greatest that those
// of the two allow.
func ratio(a, b Spread) Spread {
	return Spread{Median: a.Median / b.Median, Low: a.Low / b.High, High: a.High / b.Low}
}

func (s Spread) text(unit string) string {
	return fmt.Sprintf("%.2f%s (%.2f to %.2f)", s.Median, unit, s.Low, s.High)
}

func (r *PaperResult) memoryClaims() []Claim {
	bytes := map[[2]string]PaperMemory{}
	for _, m := range r.Memory {
		bytes[[2]string{m.Network, m.Activation}] = m
	}
	var list []Claim
	for _, network := range []string{networkA, networkB} {
		isr, ok := bytes[[2]string{network, "isrlu"}]
		for _, other := range []string{"relu", "silu"} {
			m := bytes[[2]string{network, other}]
			if !ok || m.Bytes == 0 {
				continue
			}
			c := Claim{Part: MemoryPart, Here: fmt.Sprintf("%.1f MiB, against %.1f", mib(isr.Bytes), mib(m.Bytes)), Why: "counts of bytes"}
			c.Outcome = DoesNotHold
			if other == "relu" {
				c.Claim = "In " + network + " a training step with ISRLU keeps no more than with ReLU."
				if isr.Bytes <= m.Bytes {
					c.Outcome = Holds
				}
			} else {
				c.Claim = "In " + network + " a training step with ISRLU keeps less than with SiLU, whose gradient needs its input."
				if isr.Bytes < m.Bytes {
					c.Outcome = Holds
				}
			}
			list = append(list, c)
		}
	}
	return list
}

// Capital returns a text that begins with a capital letter.
func Capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// atMost tells whether a ratio is at most a bound, by more than the part that it may be
// off.
func atMost(q, bound, off float64) Outcome {
	return atLeast(-q*(1+off), -q*(1-off), -bound)
}

// aboutOne is the greatest ratio of two areas that are "about" equal.
const aboutOne = 1.25

func (r *PaperResult) hardwareClaims() []Claim {
	if r.Hardware == nil {
		return nil
	}
	u := r.Hardware.Units
	measures := u.HardwareMeasures()
	if len(measures) == 0 {
		return nil
	}
	m := measures[0]
	bound := u.Settings.Bounds[0]
	var list []Claim
	for _, a := range r.Hardware.MultiplyAdds {
		unit := u.Least(m, rsqrtName, a.Format, bound, nil)
		if unit == nil {
			continue
		}
		q := unit.LogicGates / a.Gates
		c := Claim{Part: HardwarePart, Claim: fmt.Sprintf("An inverse square root unit in %s takes at most about the area of a fused multiply-add.", a.Format),
			Paper: "about one multiply-add", Here: fmt.Sprintf("%.2f times: %.0f gates (%s) against %.0f, by our estimate", q, unit.LogicGates, unit.Family, a.Gates),
			Outcome: atMost(q, aboutOne, evenEstimates), Why: fmt.Sprintf("up to %v times counts as about one", aboutOne)}
		list = append(list, c)
	}
	for _, format := range u.Settings.Formats {
		for _, pair := range rivals {
			a, b := u.Least(m, pair[0], format, bound, nil), u.Least(m, pair[1], format, bound, nil)
			if a == nil || b == nil {
				continue
			}
			q := m.Of(a) / m.Of(b)
			c := Claim{Part: HardwarePart, Claim: fmt.Sprintf("A unit of %s in %s, within %v ulp, is smaller than one of %s.", pair[0], format, bound, pair[1]),
				Here: fmt.Sprintf("%.2f times: %.0f against %.0f %s", q, m.Of(a), m.Of(b), m.Name), Outcome: atMost(q, 1, m.Even),
				Why: fmt.Sprintf("areas without registers; %v apart counts as even", m.Even)}
			list = append(list, c)
		}
	}
	return list
}

// noMNIST tells why trainings say nothing of the paper's accuracies; it is empty if
// they do.
func (r *PaperResult) noMNIST(c *Result) string {
	s := &c.Settings
	full := paperComparisons[0].full
	switch {
	case s.Data != mnistName:
		return "the images are not MNIST"
	case s.Train < 60_000 || s.Test < 10_000:
		return fmt.Sprintf("%d + %d images are not all of MNIST", s.Train, s.Test)
	case s.Epochs < full:
		return fmt.Sprintf("%d epochs are fewer than the %d of a full run", s.Epochs, full)
	}
	return ""
}

// paperAccuracies are the paper's test accuracies in percent; zero where we know none.
var paperAccuracies = map[string]map[string]float64{
	networkA: {"isrlu:3": 99.30},
	networkB: {"isrlu": 99.32, "isrlu:3": 99.30, "elu": 99.29},
}

// paperEntropy is the paper's test cross-entropy of network A with isrlu:3, times 100.
const paperEntropy = 2.308

// PaperAccuracy returns the paper's accuracy of a function in a comparison, in percent,
// or 0 if we know none.
func PaperAccuracy(comparison, activation string) float64 {
	return paperAccuracies[comparison][activation]
}

func (r *PaperResult) networkClaims() []Claim {
	var list []Claim
	for _, best := range []struct{ network, activation string }{{networkA, "isrlu:3"}, {networkB, "isrlu"}} {
		c := r.comparison(best.network)
		if c == nil {
			continue
		}
		why := r.noMNIST(c)
		first := c.best(best.activation)
		first.Claim = fmt.Sprintf("%s is most accurate with %s.", Capital(best.network), best.activation)
		first.Paper = fmt.Sprintf("%.2f %%", PaperAccuracy(best.network, best.activation))
		if why != "" {
			first.Outcome, first.Why = CannotBeTold, why
		}
		list = append(list, first)
		for _, s := range c.Summaries() {
			paper := PaperAccuracy(best.network, s.Activation)
			if paper == 0 || s.Runs == 0 {
				continue
			}
			// The paper's figure is rounded.
			list = append(list, reaches(fmt.Sprintf("%s with %s reaches %.2f %%.", Capital(best.network), s.Activation, paper),
				fmt.Sprintf("%.2f %%", paper), why, times100(s.Accuracy), s.Runs, c.Settings.Epochs, paper-.005, 1))
			if best.network == networkA {
				list = append(list, reaches(fmt.Sprintf("%s with %s has a cross-entropy, times 100, of at most %v.", Capital(best.network), s.Activation, paperEntropy),
					fmt.Sprint(paperEntropy), why, times100(s.Loss), s.Runs, c.Settings.Epochs, paperEntropy+.0005, -1))
			}
		}
	}
	return list
}

func times100(m MeanStd) MeanStd { return MeanStd{100 * m.Mean, 100 * m.Std} }

// enoughEpochs is from how many on a figure that is not reached counts against a claim.
// How many epochs the paper's trainings had, we do not know.
const enoughEpochs = 10

// reaches judges a mean over the seeds against a bound that it shall reach after so many
// epochs: from below, or with sign -1 from above.
func reaches(claim, paper, why string, m MeanStd, seeds, epochs int, bound, sign float64) Claim {
	c := Claim{Part: NetworksPart, Claim: claim, Paper: paper, Here: fmt.Sprintf("%.3f", m.Mean), Outcome: CannotBeTold, Why: why}
	low, high := m.Interval(seeds)
	if math.IsNaN(low) {
		if why == "" {
			c.Why = "one seed has no spread"
		}
		return c
	}
	c.Here = fmt.Sprintf("%.3f (95 %%: %.3f to %.3f)", m.Mean, low, high)
	if why == "" {
		c.Why = "the 95 % interval of the mean over the seeds"
		c.Outcome = atLeast(min(sign*low, sign*high), max(sign*low, sign*high), sign*bound)
	}
	if c.Outcome == DoesNotHold && epochs < enoughEpochs {
		c.Outcome, c.Why = CannotBeTold, fmt.Sprintf("not reached in %d epochs; more may reach it", epochs)
	}
	return c
}

// best judges whether a function is better than all others.
func (r *Result) best(activation string) Claim {
	var others []string
	for _, a := range r.Settings.Activations {
		if a != activation {
			others = append(others, a)
		}
	}
	c := Claim{Part: NetworksPart, Outcome: Holds, Why: "paired t-tests over the seeds, 5 % over all pairs"}
	for _, other := range others {
		d := r.better(activation, other)
		if d.Outcome == DoesNotHold {
			c.Outcome = DoesNotHold
		} else if d.Outcome == CannotBeTold && c.Outcome == Holds {
			c.Outcome = CannotBeTold
		}
		if c.Here != "" {
			c.Here += ", "
		}
		c.Here += d.Here
	}
	if len(r.Settings.Seeds) == 1 && c.Outcome != CannotBeTold {
		c.Outcome, c.Why = CannotBeTold, "one seed ranks nothing"
	}
	return c
}

// better judges whether a function is better than another.
func (r *Result) better(a, b string) Claim {
	c := Claim{Outcome: CannotBeTold, Here: "no pair of trainings", Why: "paired t-tests over the seeds, 5 % over all pairs"}
	q, names := r.quality(), r.Settings.Activations
	for _, d := range r.differences() {
		x, y, sign := names[d.better], names[d.worse], 1.0
		if x == b && y == a {
			sign = -1
		} else if x != a || y != b {
			continue
		}
		scale, unit := 100.0, "points"
		if q.less {
			scale, unit = 1, "bits per character saved"
		}
		c.Here = fmt.Sprintf("%+.3f %s against %s (p = %.2g)", sign*scale*d.mean+0, unit, b, d.p)
		switch {
		case d.significant && len(r.Settings.Seeds) == 1:
			c.Why = "one seed ranks nothing"
		case d.significant && sign > 0:
			c.Outcome = Holds
		case d.significant:
			c.Outcome = DoesNotHold
		}
	}
	return c
}

func (r *PaperResult) alphaClaims() []Claim {
	c := r.comparison(alphas)
	if c == nil {
		return nil
	}
	var list []Claim
	for _, q := range [][3]string{
		{"isrlu:learn", "isrlu", "An alpha that each layer learns is more accurate than alpha 1."},
		{"isrlu:learn-channel", "isrlu", "An alpha that each channel learns is more accurate than alpha 1."},
		{"isrlu:learn-channel", "isrlu:learn", "An alpha for each channel is more accurate than one for each layer."},
		{"isrlu:0.3", "isrlu", "Alpha 0.3 is more accurate than alpha 1."},
		{"isrlu:3", "isrlu", "Alpha 3 is more accurate than alpha 1."},
	} {
		d := c.better(q[0], q[1])
		d.Part, d.Claim = AlphaPart, q[2]
		list = append(list, d)
	}
	return list
}

func (r *PaperResult) recurrentClaims() []Claim {
	var list []Claim
	for _, name := range []string{rowsLSTM, charsLSTM} {
		c := r.comparison(name)
		if c == nil {
			continue
		}
		for _, f := range []string{"isru", "isru/sigmoid"} {
			d := c.better(f, "tanh")
			d.Part, d.Claim = RecurrentPart, fmt.Sprintf("%s: %s is better than tanh.", name, f)
			list = append(list, d)
		}
		costs := map[string]Cost{}
		for _, k := range c.Costs {
			costs[k.Activation] = k
		}
		if a, b := costs["tanh"], costs["isru"]; a.Step.Median > 0 && b.Step.Median > 0 {
			v := ratio(a.Step, b.Step)
			list = append(list, Claim{Part: RecurrentPart, Claim: name + ": a training step with isru is faster than with tanh.", Here: v.text(" times"),
				Outcome: atLeast(v.Low, v.High, 1), Why: "the quartiles of the ratio against 1"})
		}
	}
	return list
}
