package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// learning holds the flags by which train and compare say which network learns,
// from what and how. Activations and Seeds are the commands' own.
type learning struct {
	experiment.Settings
	dataDir string
}

func (l *learning) register(cmd *cobra.Command, network string, epochs int) {
	f := cmd.Flags()
	f.StringVar(&l.Network, "network", network, "network: "+strings.Join(experiment.BuiltinNames, ", ")+", or a file with one in JSON")
	f.StringVar(&l.Data, "data", "digits", "images: "+strings.Join(data.Names(), ", "))
	f.StringVar(&l.dataDir, "data-dir", "", "folder with the IDX files of mnist or fashion-mnist (default: downloaded once)")
	f.IntVar(&l.Train, "train-images", 0, "take the first images only (default all; digits: 10000)")
	f.IntVar(&l.Test, "test-images", 0, "the same for the test set (default all; digits: 2000)")
	f.IntVar(&l.Epochs, "epochs", epochs, "passes over the training images")
	f.IntVar(&l.Batch, "batch", 100, "images of a step")
	f.Float64Var(&l.LearningRate, "lr", .003, "learning rate of the first step")
	f.Float64Var(&l.FinalLearningRate, "final-lr", .0001, "learning rate of the last step, unless it is constant")
	f.StringVar(&l.Schedule, "schedule", "exponential", "way from one to the other: "+strings.Join(nn.ScheduleNames, ", "))
	f.StringVar(&l.Optimizer, "optimizer", "adam", "optimizer: "+strings.Join(nn.OptimizerNames, ", "))
	f.Float64Var(&l.WeightDecay, "weight-decay", 0, "weight decay (default 0; adamw: 0.01)")
	f.Float64Var(&l.ClipNorm, "clip-norm", 0, "scale gradients down to this norm (default: leave them)")
	f.IntVar(&l.Threads, "threads", 0, "cores (default all); the results do not depend on it")
	complete(cmd, "data", data.Names())
	complete(cmd, "schedule", nn.ScheduleNames)
	complete(cmd, "optimizer", nn.OptimizerNames)
}

// check makes sure of the flags' values, before any work is done.
func (l *learning) check(cmd *cobra.Command) error {
	if !slices.Contains(data.Names(), l.Data) {
		return fmt.Errorf("unknown data %q; known: %s", l.Data, strings.Join(data.Names(), ", "))
	}
	optimizer, err := nn.ParseOptimizer(l.Optimizer)
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("weight-decay") {
		l.WeightDecay = optimizer.WeightDecay
	}
	return l.CheckTraining()
}

// readNetwork returns the built-in network for images or that of the file.
func readNetwork(name string) (nn.Network, error) { return readNetworkFor(experiment.Tasks[0], name) }

// readNetworkFor returns the built-in network for a task or that of the file.
func readNetworkFor(task experiment.Task, name string) (nn.Network, error) {
	n, err := experiment.BuiltinFor(task, name)
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

// load loads the images that the flags ask for.
func (l *learning) load(cmd *cobra.Command) (*data.Set, error) {
	var update func(done, total int)
	clear := func() {}
	file := ""
	set, err := data.Load(cmd.Context(), l.Data, data.Options{
		Dir: l.dataDir, Train: l.Train, Test: l.Test,
		Progress: func(what string, done, total int64) {
			if what != file {
				clear()
				file = what
				update, clear = newProgress[int](cmd.ErrOrStderr(), what)
			}
			if update != nil {
				update(int(done), int(total))
			}
		},
	})
	clear()
	return set, err
}
