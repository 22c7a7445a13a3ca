package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu/experiment"
)

// command returns the line that runs the comparison again.
func command(s *experiment.Settings) string {
	args := []string{"isrlu", "compare"}
	add := func(flag, value string) { args = append(args, "--"+flag, shellQuote(value)) }
	if s.Task != "" {
		add("task", s.Task)
	}
	add("network", s.Network)
	add("activations", strings.Join(s.Activations, ","))
	add("data", s.Data)
	add("epochs", strconv.Itoa(s.Epochs))
	add("seeds", strconv.Itoa(len(s.Seeds)))
	add("batch", strconv.Itoa(s.Batch))
	add("lr", formatFloat(s.LearningRate))
	if s.Schedule != "constant" {
		add("final-lr", formatFloat(s.FinalLearningRate))
	}
	add("schedule", s.Schedule)
	add("optimizer", s.Optimizer)
	add("weight-decay", formatFloat(s.WeightDecay))
	if s.ClipNorm > 0 {
		add("clip-norm", formatFloat(s.ClipNorm))
	}
	if s.OnText() {
		add("train-chars", strconv.Itoa(s.TrainChars))
		add("test-chars", strconv.Itoa(s.TestChars))
	} else {
		add("train-images", strconv.Itoa(s.Train))
		add("test-images", strconv.Itoa(s.Test))
	}
	if !s.OnText() || s.Target > 0 {
		add("target", formatFloat(s.Target))
	}
	if len(s.Seeds) > 0 && s.Seeds[0] != 1 {
		add("seed", strconv.FormatUint(s.Seeds[0], 10))
	}
	return strings.Join(args, " ")
}

func commandNote(s *experiment.Settings) string {
	for i, seed := range s.Seeds {
		if seed != s.Seeds[0]+uint64(i) {
			return "The seeds of this comparison do not count up; the line above gives their number alone."
		}
	}
	return ""
}

// paperCommand returns the line that runs Paper again.
func paperCommand(s *experiment.PaperSettings) string {
	args := []string{"isrlu", "paper"}
	if s.Quick {
		args = append(args, "--quick")
	}
	if !slices.Equal(s.Parts, experiment.PaperPartNames()) {
		args = append(args, "--parts", strings.Join(s.Parts, ","))
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"seeds", s.Seeds}, {"epochs", s.Epochs}, {"train-images", s.Train}, {"test-images", s.Test},
		{"train-chars", s.TrainChars}, {"test-chars", s.TestChars}, {"threads", s.Threads},
	} {
		if f.value > 0 {
			args = append(args, "--"+f.name, strconv.Itoa(f.value))
		}
	}
	return strings.Join(args, " ")
}

// shellQuote quotes what a POSIX shell would not take as it stands.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_-./:,+=@%", r))
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// withoutLearn takes ":learn" or ":learn-channel" off an activation; what is
// left names the function with its initial parameters.
func withoutLearn(spec string) (function string, learned bool) {
	if f, ok := strings.CutSuffix(spec, ":learn-channel"); ok {
		return f, true
	}
	return strings.CutSuffix(spec, ":learn")
}
