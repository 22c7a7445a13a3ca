package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/report"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	learning
	activations string
	seeds       int
	seed        uint64
	target      float64
	noTiming    bool
	out         string
	format      string
}

func newCompareCmd() *cobra.Command {
	var o compareFlags
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Train the same network with each activation function and say what the numbers carry",
		Long: `compare trains a network once for each activation function and seed: from the same
weights, on the same batches in the same order, with the same dropout. Then it
times a training step and inference with all functions taking turns.

It prints a table and a paragraph that claims no more than the spread over the
seeds allows, and writes report.html (one page that needs no network: learning
curves, times, memory, the functions, their outputs in each layer, all settings)
and result.json into the folder of --out, where it replaces those of a comparison
before. Ctrl-C ends it and reports what is done; result.json is also written
after each training.

There are three tasks, each with networks of its own; a file may describe another one
in JSON.

  images      tell the classes of images: mlp, conv3, conv4, resnet8
  seq-digits  the same, but the image is read row by row: lstm, gru, or a file whose
              input is [28, 28]
  chars       predict each next character of a text: lstm, gru, transformer, or a
              file whose input is the length of a window, such as [64]. The text is
              prose, which is written here, or --data FILE, of which the last tenth
              is for testing. Losses are told as bits per character and perplexity.

The functions stand for the layers of the network that name none. A number after
a function is its parameter; :learn makes it a weight of the layer,
:learn-channel one of each channel. In recurrent networks a function is that of the
state, and may have that of the gates after a slash: isru/sigmoid. Without it, isru
has the ISRU sigmoid with scale 1/2 beside it, and all others the logistic function.
A format after the sign @ makes it a unit of hardware in that format, whose bits the
activations then have: isrlu@q4.11, isrlu:3@bfloat16:exact; docs/networks.md has more.
In transformers a plus sign may add the normalization: gelu+dyisru.

Equal settings give equal numbers to the last bit, but for times, on any number
of threads of one kind of processor. One seed tells little: use --seeds 5.`,
		Example: `  isrlu compare
  isrlu compare --activations isrlu,isrlu:3,isrlu:learn,elu,relu --seeds 5
  isrlu compare --activations isrlu,isrlu@q4.11,isrlu@q3.4
  isrlu compare --data mnist --network conv4 --epochs 3 --out mnist
  isrlu compare --task seq-digits --activations isru,tanh,isru/sigmoid --seeds 5
  isrlu compare --task chars --network gru --seeds 3
  isrlu compare --task chars --network transformer --activations isrlu,gelu,gelu+dyisru --data book.txt
  isrlu compare --network net.json --optimizer sgd --lr 0.05 --schedule cosine --final-lr 0 --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerTask(cmd)
	f.StringVarP(&o.activations, "activations", "a", compareLessons[experiment.ImagesTask].activations,
		"functions, such as isrlu:3,isrlu:learn,elu; see isrlu functions"+compareLessons.defaultsText("activations"))
	o.register(cmd, compareLessons)
	f.IntVar(&o.seeds, "seeds", 1, "trainings of each function, with seeds that count up")
	f.Uint64Var(&o.seed, "seed", 1, "the first seed, of the weights, of the order of samples and of dropout")
	f.Float64Var(&o.target, "target", .98, "test accuracy, of 1, whose first epoch is reported (chars: bits per character, default none)")
	f.BoolVar(&o.noTiming, "no-timing", false, "leave out the timing after the training")
	f.BoolVar(&o.Direct, "direct", false, "compute convolutions by their definition: slower, with smaller rounding errors")
	f.StringVarP(&o.out, "out", "o", "isrlu-compare", "folder for report.html and result.json; empty for none")
	registerFormat(f, &o.format)
	complete(cmd, "activations", functionNames())
	completeOne(cmd, "format", report.Formats)
	return cmd
}

// check makes sure of the flags' values, before any work is done.
func (o *compareFlags) check(cmd *cobra.Command) error {
	o.Activations = call.SplitSpecs(o.activations)
	for _, spec := range o.Activations {
		if err := experiment.CheckActivation(spec); err != nil {
			return fmt.Errorf("--activations: %s", withoutPackage(err.Error()))
		}
	}
	if o.seeds < 1 || o.seeds > 1000 {
		return fmt.Errorf("--seeds must be from 1 to 1000, got %d", o.seeds)
	}
	for i := range o.seeds {
		o.Seeds = append(o.Seeds, o.seed+uint64(i))
	}
	if o.Target = o.target; o.OnText() && !cmd.Flags().Changed("target") {
		o.Target = 0
	} else if o.OnText() && o.Target == 0 {
		return errors.New("--target must be more than 0 bits per character; leave it out for none")
	}
	if err := o.learning.check(cmd); err != nil {
		return err
	}
	return o.Settings.Check()
}

func (o *compareFlags) run(cmd *cobra.Command) error {
	format, err := report.ParseFormat(o.format)
	if err != nil {
		return usage(err)
	}
	task, err := o.takeTask(cmd)
	if err == nil {
		err = o.check(cmd)
	}
	if err != nil {
		return usage(err)
	}
	network, err := readNetwork(task, o.Network)
	if err != nil {
		return err
	}
	if err := task.CheckInput(network.Input); err != nil {
		return usagef("--network %s: %w", o.Network, err)
	}
	if o.out != "" {
		// A folder that cannot be made shows now, not after the training.
		if err := os.MkdirAll(o.out, 0o777); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	set, err := o.load(cmd, network.Input)
	if err != nil {
		return err
	}
	steps, err := o.Steps(set.Train.Len())
	if err != nil {
		return usage(err)
	}
	lines := cmd.ErrOrStderr()
	fmt.Fprintf(lines, "%s on %s, %d + %d %s: %d trainings of %d steps\n",
		o.Network, o.Data, set.Train.Len(), set.Test.Len(), o.Samples(), len(o.Activations)*o.seeds, steps)
	progress := newTrainingProgress(lines)
	defer progress.clear()
	result, err := experiment.Compare(cmd.Context(), network, set, o.Settings, experiment.Options{
		NoCosts: o.noTiming, Version: version(), Units: unitLibrary(lines),
		Progress: func(p experiment.Progress) {
			what := "timing"
			if !p.Timing {
				what = o.runName(p.Activation, p.Seed) + fmt.Sprintf("  epoch %d/%d", p.Epoch.Epoch, o.Epochs)
			}
			progress.update(p.Done, p.Total, what, measures(&o.Settings, p.Epoch))
		},
		Finished: func(r *experiment.Result, run *experiment.Run) error {
			progress.clear()
			return o.finished(lines, r, run)
		},
	})
	progress.clear()
	if result == nil {
		return err
	}
	if writeErr := o.write(cmd.OutOrStdout(), result, format); writeErr != nil {
		return writeErr
	}
	return err
}

// runName names a training; the functions' names are padded to one width.
func (o *compareFlags) runName(activation string, seed uint64) string {
	width := 0
	for _, a := range o.Activations {
		width = max(width, len(a))
	}
	name := fmt.Sprintf("%-*s", width, activation)
	if o.seeds > 1 {
		name += fmt.Sprintf("  seed %d", seed)
	}
	return name
}

// finished prints a line about the epoch, and saves what is done after the last.
func (o *compareFlags) finished(w io.Writer, r *experiment.Result, run *experiment.Run) error {
	name := o.runName(run.Activation, run.Seed)
	if run.Diverged {
		fmt.Fprintf(w, "%s  epoch %d/%d  diverged: the loss is not finite\n", name, len(run.Epochs)+1, o.Epochs)
	} else {
		e := run.Epochs[len(run.Epochs)-1]
		fmt.Fprintf(w, "%s  epoch %d/%d  %s\n", name, e.Epoch, o.Epochs, epochText(&o.Settings, e))
	}
	if o.out == "" || !run.Diverged && len(run.Epochs) < o.Epochs {
		return nil
	}
	sofar := *r
	sofar.Interrupted = true
	return report.WriteResultFile(filepath.Join(o.out, "result.json"), &sofar)
}

// write writes the files, the table and the verdict.
func (o *compareFlags) write(w io.Writer, r *experiment.Result, format report.Format) error {
	page := filepath.Join(o.out, "report.html")
	if o.out != "" {
		if err := report.WriteResultFile(filepath.Join(o.out, "result.json"), r); err != nil {
			return err
		}
		if err := report.WriteHTMLFile(page, r); err != nil {
			return err
		}
	}
	switch format {
	case report.JSON:
		return report.WriteResult(w, r)
	case report.CSV:
		return report.Comparison(r).Write(w, format)
	}
	t := report.Comparison(r)
	if len(t.Notes) > 0 {
		t.Notes = append(t.Notes, "")
	}
	t.Notes = append(t.Notes, wrap(r.Verdict(), 80))
	if o.out != "" {
		t.Notes = append(t.Notes, "", fmt.Sprintf("%s, after %s", page, time.Duration(r.Seconds*float64(time.Second)).Round(time.Second)))
	}
	return t.Write(w, format)
}

// wrap breaks a text into lines of at most width letters.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
