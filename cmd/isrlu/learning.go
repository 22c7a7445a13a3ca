package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// learning holds the flags by which train and compare say which network learns,
// what, from what and how. Activations and Seeds are the commands' own.
type learning struct {
	experiment.Settings
	dataDir string
	lessons lessons
}

func (l *learning) register(cmd *cobra.Command, lessons lessons) {
	l.lessons = lessons
	f := cmd.Flags()
	first := lessons[experiment.Tasks[0].Name].flags("")
	// A flag's default is that of images; takeTask sets those of other tasks.
	of := func(name string) (value, others string) { return first[name], lessons.defaultsText(name) }
	text := func(p *string, name, usage string) {
		value, others := of(name)
		f.StringVar(p, name, value, usage+others)
	}
	count := func(p *int, name, usage string) {
		value, others := of(name)
		n, err := strconv.Atoi(value)
		if err != nil {
			panic(err) // the table is wrong
		}
		f.IntVar(p, name, n, usage+others)
	}
	real := func(p *float64, name, usage string) {
		value, others := of(name)
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			panic(err)
		}
		f.Float64Var(p, name, v, usage+others)
	}
	text(&l.Network, "network", "network ("+networksText()+"), or a file with one in JSON")
	text(&l.Data, "data", "images: "+strings.Join(data.Names(), ", ")+"; text: "+strings.Join(data.TextNames(), ", ")+", or a file in UTF-8")
	f.StringVar(&l.dataDir, "data-dir", "", "folder with the IDX files of mnist or fashion-mnist (default: downloaded once)")
	f.IntVar(&l.Train, "train-images", 0, "take the first images only (default all; digits: 10000)")
	f.IntVar(&l.Test, "test-images", 0, "the same for the test set (default all; digits: 2000)")
	f.IntVar(&l.TrainChars, "train-chars", 0, "characters of the training text, the first ones (default all; prose: 1000000)")
	f.IntVar(&l.TestChars, "test-chars", 0, "the same for the test text, of a file the last ones (default a tenth; prose: 100000)")
	count(&l.Epochs, "epochs", "passes over the training set")
	count(&l.Batch, "batch", "images, or windows of text, of a step")
	real(&l.LearningRate, "lr", "learning rate of the first step")
	real(&l.FinalLearningRate, "final-lr", "learning rate of the last step, unless it is constant")
	f.StringVar(&l.Schedule, "schedule", "exponential", "way from one to the other: "+strings.Join(nn.ScheduleNames, ", "))
	f.StringVar(&l.Optimizer, "optimizer", "adam", "optimizer: "+strings.Join(nn.OptimizerNames, ", "))
	f.Float64Var(&l.WeightDecay, "weight-decay", 0, "weight decay (default 0; adamw: 0.01)")
	f.Float64Var(&l.ClipNorm, "clip-norm", 0, "scale gradients down to this norm (default: leave them)")
	f.IntVar(&l.Threads, "threads", 0, "cores (default all); the results do not depend on it")
	completeOne(cmd, "task", experiment.TaskNames())
	complete(cmd, "network", networkNames())
	completeOne(cmd, "schedule", nn.ScheduleNames)
	completeOne(cmd, "optimizer", nn.OptimizerNames)
	err := cmd.RegisterFlagCompletionFunc("data", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(data.Names(), data.TextNames()...), cobra.ShellCompDirectiveDefault // files too
	})
	if err != nil {
		panic(err) // the flag is not there
	}
}

// registerTask registers the flag of the task, which commands show first.
func (l *learning) registerTask(cmd *cobra.Command) {
	var tasks []string
	for _, t := range experiment.Tasks {
		tasks = append(tasks, t.Name+" ("+t.Short+")")
	}
	cmd.Flags().StringVar(&l.Task, "task", experiment.Tasks[0].Name, "what is learned: "+strings.Join(tasks, ", "))
}

// check makes sure of the flags' values, before any work is done.
func (l *learning) check(cmd *cobra.Command) error {
	optimizer, err := nn.ParseOptimizer(l.Optimizer)
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("weight-decay") {
		l.WeightDecay = optimizer.WeightDecay
	}
	return l.CheckTraining()
}

// readNetwork returns the built-in network for a task or that of the file.
func readNetwork(task experiment.Task, name string) (nn.Network, error) {
	n, err := experiment.Builtin(task, name)
	if err != nil {
		f, openErr := os.Open(name)
		if errors.Is(openErr, fs.ErrNotExist) {
			return n, usagef("--network: %w, or a file, but there is none of that name", err)
		}
		if openErr != nil {
			return n, openErr
		}
		defer f.Close()
		if n, err = nn.ReadNetwork(f); err != nil {
			return n, fmt.Errorf("%s: %w", name, err)
		}
	}
	return n, nil
}

// load loads the data that the flags ask for, for a network whose input has this
// shape and suits the task.
func (l *learning) load(cmd *cobra.Command, input nn.Shape) (*data.Set, error) {
	if !l.OnText() {
		return l.loadImages(cmd)
	}
	text, err := data.LoadText(cmd.Context(), l.Data, data.TextOptions{Train: l.TrainChars, Test: l.TestChars})
	if err != nil {
		return nil, err
	}
	l.Window = input[0]
	return text.Windows(l.Window)
}

func (l *learning) loadImages(cmd *cobra.Command) (*data.Set, error) {
	update, clear := newDownloadProgress(cmd.ErrOrStderr())
	defer clear()
	return data.Load(cmd.Context(), l.Data, data.Options{Dir: l.dataDir, Train: l.Train, Test: l.Test, Progress: update})
}
