package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/report"
)

// paperFlags are the flags of paper.
type paperFlags struct {
	experiment.PaperSettings
	dataDir  string
	noTiming bool
	out      string
	format   string
}

func newPaperCmd() *cobra.Command {
	var o paperFlags
	var parts []string
	for _, p := range experiment.PaperParts {
		parts = append(parts, fmt.Sprintf("  %-10s %s", p.Name, p.Short))
	}
	cmd := &cobra.Command{
		Use:   "paper",
		Short: "Run what the ISRLU paper reports again, and print its figures beside those of this machine",
		Long: `paper measures and trains what Carlile, Delamarter, Kinney, Marti and Whitney report in
"Improving Deep Learning by Inverse Square Root Linear Units" (2017, arXiv 1710.09967),
and what they left open. It says of each claim whether it holds, does not hold or cannot
be told from this run. The parts:

` + strings.Join(parts, "\n") + `

Trainings are by the paper's recipe: Adam, learning rate 0.003 falling exponentially to
0.0001, batches of 100, weights from a truncated normal distribution with standard
deviation 0.1. A full run takes all of MNIST, 5 epochs and five seeds, and hours: a
calibration of some seconds tells how many before it begins. --quick takes about ten
minutes on two cores, with fewer images, epochs and seeds, and digits drawn from fonts
where MNIST is not on this machine; what that cannot tell, it says.

Results are kept in the folder of --out, in paper.json, after each training. The same
command goes on where one was stopped, and makes nothing twice; more --seeds or --parts
may be given later. paper.html, paper.md and paper.svg are the report as a page, as
Markdown and as plots.`,
		Example: `  isrlu paper --quick
  isrlu paper --data-dir mnist --threads 2 -o paper
  isrlu paper --quick --parts speed,memory --format markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Quick, "quick", false, "take about ten minutes")
	f.StringSliceVar(&o.Parts, "parts", nil, "parts to run: "+strings.Join(experiment.PaperPartNames(), ", ")+" (default all)")
	f.IntVar(&o.Seeds, "seeds", 0, "trainings of each function (default 5; with --quick 2)")
	f.IntVar(&o.Epochs, "epochs", 0, "epochs of each training (default 5, recurrent 4; with --quick 2, on characters 1)")
	f.StringVar(&o.dataDir, "data-dir", "", "folder with the IDX files of mnist (default: downloaded once, but not with --quick)")
	f.IntVar(&o.Train, "train-images", 0, "take the first images only (default all; with --quick 6000)")
	f.IntVar(&o.Test, "test-images", 0, "the same for the test set (default all; with --quick 2000)")
	f.IntVar(&o.TrainChars, "train-chars", 0, "characters of the training text (default 1000000; with --quick 100000)")
	f.IntVar(&o.TestChars, "test-chars", 0, "the same for the test text (default 100000; with --quick 20000)")
	f.IntVar(&o.Threads, "threads", 0, "cores (default all); trainings come to the same weights on any number")
	f.BoolVar(&o.noTiming, "no-timing", false, "leave out the timing of training steps")
	f.StringVarP(&o.out, "out", "o", "isrlu-paper", "folder to keep results in, and to take them from")
	f.StringVar(&o.format, "format", string(report.Text), "output format: "+strings.Join(report.PaperFormats, ", "))
	complete(cmd, "parts", experiment.PaperPartNames())
	completeOne(cmd, "format", report.PaperFormats)
	return cmd
}

// check makes sure of the flags' values, before any work is done.
func (o *paperFlags) check(cmd *cobra.Command) error {
	for name, v := range map[string]int{"seeds": o.Seeds, "epochs": o.Epochs} {
		if cmd.Flags().Changed(name) && v < 1 {
			return fmt.Errorf("--%s must be 1 or more, got %d", name, v)
		}
	}
	if o.out == "" {
		return fmt.Errorf("--out must name a folder, in which the results are kept")
	}
	return o.Complete()
}

func (o *paperFlags) run(cmd *cobra.Command) error {
	format, err := report.ParsePaperFormat(o.format)
	if err == nil {
		err = o.check(cmd)
	}
	if err != nil {
		return usage(err)
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	kept := filepath.Join(o.out, "paper.json")
	earlier, err := report.ReadPaperFile(kept)
	if err != nil {
		return err
	}
	lines := cmd.ErrOrStderr()
	update, clear := newDownloadProgress(lines)
	sets, notes, err := experiment.LoadPaper(cmd.Context(), &o.PaperSettings, data.Options{Dir: o.dataDir, Progress: update})
	clear()
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(lines, note)
	}
	progress := newTrainingProgress(lines)
	defer progress.clear()
	result, err := experiment.Paper(cmd.Context(), o.PaperSettings, sets, notes, experiment.PaperOptions{
		Version: version(), Earlier: earlier, NoCosts: o.noTiming,
		Expected: func(trainings int, time time.Duration) {
			fmt.Fprintf(lines, "about %s of work, %d trainings among it\n", rounded(time), trainings)
		},
		Progress: func(p experiment.PaperProgress) {
			// In tenths of a second, which the bar's prediction needs.
			progress.update(int(10*p.Done), max(1, int(10*p.Total)), p.What, "")
		},
		Finished: func(what string, left time.Duration, r *experiment.PaperResult) error {
			progress.clear()
			fmt.Fprintf(lines, "%s  (about %s left)\n", what, rounded(left))
			return report.WritePaperFile(kept, r, report.JSON)
		},
	})
	progress.clear()
	if err != nil {
		if cmd.Context().Err() != nil && result != nil {
			fmt.Fprintf(lines, "%s has what is done; the same command goes on\n", kept)
		}
		return err
	}
	return o.write(cmd.OutOrStdout(), result, format)
}

// rounded leaves what an estimate does not know.
func rounded(d time.Duration) time.Duration {
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}

// write writes the files and prints the report.
func (o *paperFlags) write(w io.Writer, r *experiment.PaperResult, format report.Format) error {
	path := func(ext string) string { return filepath.Join(o.out, "paper."+ext) }
	if err := report.WritePaperFile(path("json"), r, report.JSON); err != nil {
		return err
	}
	if err := report.WritePaperFile(path("md"), r, report.Markdown); err != nil {
		return err
	}
	if err := report.WritePaperHTMLFile(path("html"), r); err != nil {
		return err
	}
	if fig := report.PaperFigure(r); len(fig.Rows) > 0 {
		if err := fig.WriteFile(path("svg")); err != nil {
			return err
		}
	}
	if err := report.WritePaper(w, r, format); err != nil || format != report.Text {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", path("html"))
	return err
}
