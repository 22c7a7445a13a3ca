package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// smallText returns a folder with a text, a network for windows of 16 characters,
// and flags that train it in no time.
func smallText(t *testing.T) (dir, text, flags string) {
	t.Helper()
	dir = t.TempDir()
	file, text := filepath.Join(dir, "net.json"), filepath.Join(dir, "text.txt")
	network := `{"name": "small", "input": [16], "init": "lecun",
		"layers": [{"type": "embedding", "units": 8}, {"type": "gru", "units": 12}, {"type": "dense"}]}`
	for path, content := range map[string]string{file: network, text: strings.Repeat("Où est le chat? Le chat dort, «la» nuit.\n", 100)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, text, " --task chars --network " + file + " --data " + text + " --epochs 2 --batch 16 --lr 0.02 --threads 1"
}

func TestCompareOnText(t *testing.T) {
	dir, text, flags := smallText(t)
	out, lines := runCompare(t, "compare"+flags+" --activations isru,tanh --seeds 2 --target 4 --out "+dir)
	for _, want := range []string{"on " + text + ", 230 + 25 windows of 16 characters", "bits/char", "perplexity", "epochs to 4 bits", "16 windows of 16 characters takes"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out+lines, "images") || strings.Count(lines, "test bits/char") != 8 || !strings.Contains(lines, "characters/s") {
		t.Errorf("the lines of the epochs are\n%s", lines)
	}
	r := readResult(t, filepath.Join(dir, "result.json"))
	if s := r.Settings; s.Task != "chars" || s.Window != 16 || s.TrainChars != 3690 || s.TestChars != 410 || s.Target != 4 || r.Entropy != 0 {
		t.Errorf("settings %+v", s)
	}
	if bits := experiment.BitsPerChar(r.Runs[0].Epochs[1].TestLoss); bits > 4 {
		t.Errorf("%v bits per character: nothing was learned", bits)
	}
	if page := string(readFile(t, filepath.Join(dir, "report.html"))); !strings.Contains(page, "--task chars") || strings.Contains(page, "image") {
		t.Error("the page is not of a text")
	}
	out, _ = runCompare(t, "compare"+flags+" --activations isru,tanh --no-timing --format csv --out=")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 3 || !slices.Contains(rows[0], "bits_per_char_std") || slices.Contains(rows[0], "target") {
		t.Errorf("%v: %v", err, rows)
	}
}

// The built-in networks of texts, on prose, whose entropy is known.
func TestCompareOnProse(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three networks; run without -short")
	}
	for _, network := range []string{"lstm", "gru", "transformer"} {
		out, _ := runCompare(t, "compare --task chars --train-chars 12000 --test-chars 3000 --epochs 1 --no-timing --out= --network "+network)
		for _, want := range []string{network + " on prose, 187 + 46 windows of 64 characters", "itself has 0."} {
			if !strings.Contains(out, want) {
				t.Errorf("the output lacks %q:\n%s", want, out)
			}
		}
	}
}

func TestTrainingOnTextSavesItsVocabularyAndResumes(t *testing.T) {
	dir, text, flags := smallText(t)
	whole, file := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "b.safetensors")
	out := mustRun(t, "train"+flags+" --activation isru/sigmoid -o "+whole)
	for _, want := range []string{"with isru/sigmoid", text + " with 230 + 25 windows of 16 characters", "epoch 2/2  bits/char", "perplexity", "characters/s"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	model, metadata, err := nn.Load[float32](whole, nn.Options{Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	var vocabulary string
	if err := json.Unmarshal([]byte(metadata[metaVocabulary]), &vocabulary); err != nil || metadata[metaTask] != "chars" || metadata[metaWindow] != "16" || metadata[metaMean] != "" {
		t.Errorf("%v, metadata %v", err, metadata)
	}
	v, err := data.NewVocabulary(vocabulary)
	if err != nil || v.String() != vocabulary || v.Len() != model.Output()[1] || !strings.HasPrefix(vocabulary, "\n ") || !strings.HasSuffix(vocabulary, "«»ù") {
		t.Errorf("%v, vocabulary %q", err, vocabulary)
	}
	if n := model.Network(); n.Activation != "isru" || n.Gate != "sigmoid" {
		t.Errorf("functions %q and %q", n.Activation, n.Gate)
	}

	ctx, cancel := context.WithCancel(t.Context())
	status := execute(ctx, strings.Fields("train"+flags+" --activation isru/sigmoid -o "+file), &cancelAfter{line: "epoch 1/2", cancel: cancel}, &strings.Builder{})
	if status != exitInterrupted {
		t.Errorf("status %d", status)
	}
	// No flag but the file's name, and all of them, are the same.
	if out := mustRun(t, "train --resume -o "+file); !strings.Contains(out, "goes on at step") {
		t.Errorf("resumed:\n%s", out)
	}
	if !bytes.Equal(readFile(t, whole), readFile(t, file)) {
		t.Error("the interrupted training ends with other bytes")
	}
	mustRun(t, "train --resume"+flags+" --activation isru/sigmoid -o "+file)

	for flag, want := range map[string]string{
		"--task images": "--task images differs from the chars of", "--data prose": "--data prose differs from the " + text,
		"--test-chars 500": "--test-chars 500 differs from the 0",
	} {
		if status, _, stderr := isrluCommand(t, "train --resume -o "+file+" "+flag); status != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s", flag, status, stderr)
		}
	}
	mustFailPlainly(t, "predict "+file+" "+text, file, "predicts characters", `"isrlu generate"`)
	if err := os.WriteFile(text, []byte(strings.Repeat("Où est le chien? Le chat dort, «la» nuit.\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFailPlainly(t, "train --resume -o "+file, text, "the training text of", "not those")
}

// A network that reads images row by row predicts as any other.
func TestTrainingOnRowsPredicts(t *testing.T) {
	p := newPredicting(t)
	mustRun(t, "train --task seq-digits --train-images 290 --test-images 60 --epochs 1 --force -o "+p.checkpoint)
	if list := lines(t, mustRun(t, "predict "+p.checkpoint+" "+p.images)); len(list) != 60 || len(list[0].Probabilities) != 10 {
		t.Errorf("%d predictions", len(list))
	}
	mustRun(t, "train --resume -o "+p.checkpoint)
}

// What was written before there were tasks lacks their settings.
func TestCheckpointWithoutATaskIsOfImages(t *testing.T) {
	dir, line := smallTraining(t)
	file := filepath.Join(dir, "a.safetensors")
	mustRun(t, line+" -o "+file)
	trainer, metadata, err := nn.Resume[float32](file, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Model().Close()
	var settings map[string]string
	if err := json.Unmarshal([]byte(metadata[metaSettings]), &settings); err != nil {
		t.Fatal(err)
	}
	for _, name := range textSettings {
		delete(settings, name)
	}
	old, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	metadata[metaSettings] = string(old)
	for _, key := range []string{"version", "network", "trainer", "digest"} {
		delete(metadata, key)
	}
	if err := trainer.Save(file, metadata); err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, "train --resume -o "+file); !strings.Contains(out, "trained already") {
		t.Errorf("resumed:\n%s", out)
	}
}

func TestTasksNameValueAndRemedy(t *testing.T) {
	dir, text, flags := smallText(t)
	latin := filepath.Join(dir, "latin.txt")
	if err := os.WriteFile(latin, []byte("na\xefve"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, c := range map[string]struct {
		status int
		wants  []string
	}{
		"--task chess":                                     {exitUsage, []string{"--task", `"chess"`, "images, seq-digits, chars"}},
		"--task chars --train-images 100":                  {exitUsage, []string{"--train-images 100", "chars", "--train-chars"}},
		"--task chars --data-dir x":                        {exitUsage, []string{"--data-dir x", "chars"}},
		"--train-chars 100":                                {exitUsage, []string{"--train-chars 100", "images", "--task chars"}},
		"--task chars --data digits":                       {exitUsage, []string{"--data digits are images", "prose", "file"}},
		"--data prose":                                     {exitUsage, []string{"--data prose is a text", "digits", "--task chars"}},
		"--task chars --network conv3":                     {exitUsage, []string{`"conv3"`, "lstm, gru, transformer"}},
		"--task seq-digits --network mlp":                  {exitUsage, []string{`"mlp"`, "lstm, gru"}},
		"--task seq-digits --network " + dir + "/net.json": {exitUsage, []string{"net.json", "[16]", "row by row", "[28 28]"}},
		"--task chars --test-chars -3":                     {exitUsage, []string{"-3"}},
		"--task chars --data none.txt":                     {exitFailed, []string{`"none.txt"`, "prose"}},
		"--task chars --data " + latin:                     {exitFailed, []string{latin, "byte 2 (0xef)", "UTF-8"}},
		"--task chars --data " + text + " --test-chars 30": {exitFailed, []string{text, "30 characters", "a window of 64 needs 65"}},
	} {
		for _, command := range []string{"compare --out " + filepath.Join(dir, "out") + " ", "train -o " + filepath.Join(dir, "out.safetensors") + " "} {
			status, stdout, stderr := isrluCommand(t, command+line)
			if status != c.status || stdout != "" {
				t.Errorf("%s: status %d, %q, %q", line, status, stdout, stderr)
			}
			for _, want := range c.wants {
				if !strings.Contains(stderr, want) {
					t.Errorf("%s: %q does not say %q", line, stderr, want)
				}
			}
		}
	}
	for target, want := range map[string]string{"0": "more than 0 bits", "98": "16 bits per character, got 98"} {
		if status, _, stderr := isrluCommand(t, "compare"+flags+" --out= --target "+target); status != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("--target %s: status %d, %s", target, status, stderr)
		}
	}
}

// Each task has a lesson of each command, of networks that it has, and flags that
// parse.
func TestLessonsAreWhole(t *testing.T) {
	for command, lessons := range map[string]lessons{"compare": compareLessons, "train": trainLessons} {
		for _, task := range experiment.Tasks {
			l := lessons[task.Name]
			if !slices.Contains(task.Builtins(), l.network) {
				t.Errorf("%s: %s has no network %q", command, task.Name, l.network)
			}
			for _, network := range task.Builtins() {
				for name, value := range l.flags(network) {
					if value == "" {
						t.Errorf("%s: %s with %s has no %s", command, task.Name, network, name)
					}
				}
			}
		}
	}
}
