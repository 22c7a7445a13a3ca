package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// trainFlags are the flags of train.
type trainFlags struct {
	network, activation string
	data, dataDir       string
	images, testImages  int
	epochs, batch       int
	rate, finalRate     float64
	schedule, optimizer string
	weightDecay, clip   float64
	seed                uint64

	threads          int
	output           string
	saveEvery        int
	resume, force    bool
	saveEveryEpoch   bool
	optimizerOptions nn.Optimizer // that the flags mean
}

// trainSettings are the flags that decide what comes out. A checkpoint keeps
// their values, and --resume takes them from there.
var trainSettings = []string{
	"network", "activation", "data", "train-images", "test-images", "epochs", "batch", "lr", "final-lr",
	"schedule", "optimizer", "weight-decay", "clip-norm", "seed",
}

func newTrainCmd() *cobra.Command {
	var o trainFlags
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a small network on images and save it as a checkpoint",
		Long: `train trains a network to tell the classes of images and saves it, with its
optimizer, in one safetensors file. It prints a line for each epoch.

Networks are mlp, conv3 and conv4, or a file that describes one in JSON. The
activation function is that of the layers that name none; :learn after it makes
its parameter a weight.

The file is written before the first step, after each epoch, with --save-every
more often, and when Ctrl-C ends the training. It is replaced as a whole: a crash
leaves the one before. --resume goes on from it, in the middle of an epoch too,
and comes to the same bits as if nothing had happened, on any number of threads.
All settings come from the file then; one that is given must be the same, but for
a larger --epochs where the schedule is constant.

"isrlu predict" uses the file; other programs read its tensors.`,
		Example: `  isrlu train --epochs 5 -o digits.safetensors
  isrlu train --network conv4 --activation isrlu:3:learn --data fashion-mnist -o fashion.safetensors
  isrlu train --resume -o fashion.safetensors
  isrlu train --network net.json --data mnist --data-dir ~/mnist --optimizer adamw --schedule cosine -o net.safetensors`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTrain(cmd, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.network, "network", "mlp", "built-in network, or a file with one in JSON")
	f.StringVar(&o.activation, "activation", "isrlu", "function of the activation layers that name none")
	f.StringVar(&o.data, "data", "digits", "images: "+strings.Join(data.Names(), ", "))
	f.StringVar(&o.dataDir, "data-dir", "", "folder with the IDX files of mnist or fashion-mnist (default: downloaded once)")
	f.IntVar(&o.images, "train-images", 0, "take the first images only (default all; digits: 10000)")
	f.IntVar(&o.testImages, "test-images", 0, "the same for the test set (default all; digits: 2000)")
	f.IntVar(&o.epochs, "epochs", 10, "passes over the training images")
	f.IntVar(&o.batch, "batch", 100, "images of a step")
	f.Float64Var(&o.rate, "lr", .003, "learning rate of the first step")
	f.Float64Var(&o.finalRate, "final-lr", .0001, "learning rate of the last step, unless it is constant")
	f.StringVar(&o.schedule, "schedule", "exponential", "way from one to the other: "+strings.Join(nn.ScheduleNames, ", "))
	f.StringVar(&o.optimizer, "optimizer", "adam", strings.Join(nn.OptimizerNames, ", "))
	f.Float64Var(&o.weightDecay, "weight-decay", 0, "weight decay (default 0; adamw: 0.01)")
	f.Float64Var(&o.clip, "clip-norm", 0, "scale gradients down to this norm (default: leave them)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the weights, of the order of images and of dropout")
	f.IntVar(&o.threads, "threads", 0, "cores (default all); the result does not depend on it")
	f.StringVarP(&o.output, "output", "o", "model.safetensors", "checkpoint to write")
	f.IntVar(&o.saveEvery, "save-every", 0, "also save after so many steps")
	f.BoolVar(&o.saveEveryEpoch, "save-every-epoch", true, "save after each epoch; the last one is always saved")
	f.BoolVar(&o.resume, "resume", false, "go on from the checkpoint, if it is there")
	f.BoolVar(&o.force, "force", false, "replace a checkpoint that is there")
	complete(cmd, "activation", functionNames())
	complete(cmd, "data", data.Names())
	complete(cmd, "schedule", nn.ScheduleNames)
	complete(cmd, "optimizer", nn.OptimizerNames)
	return cmd
}

// check makes sure of the flags' values, before any work is done.
func (o *trainFlags) check(cmd *cobra.Command) error {
	name, _ := nn.SplitLearn(o.activation)
	if _, err := isrlu.Parse(name); err != nil {
		return fmt.Errorf("--activation: %w", err)
	}
	if !contains(data.Names(), o.data) {
		return fmt.Errorf("--data: unknown set %q; known: %s", o.data, strings.Join(data.Names(), ", "))
	}
	for _, n := range []struct {
		flag             string
		value, low, high int
	}{
		{"train-images", o.images, 0, math.MaxInt32}, {"test-images", o.testImages, 0, math.MaxInt32},
		{"epochs", o.epochs, 1, 1e5}, {"batch", o.batch, 1, 1e5},
		{"threads", o.threads, 0, 1 << 12}, {"save-every", o.saveEvery, 0, math.MaxInt32},
	} {
		if n.value < n.low || n.value > n.high {
			return fmt.Errorf("--%s must be from %d to %d, got %d", n.flag, n.low, n.high, n.value)
		}
	}
	var err error
	if o.optimizerOptions, err = nn.ParseOptimizer(o.optimizer); err != nil {
		return fmt.Errorf("--optimizer: %w", err)
	}
	if cmd.Flags().Changed("weight-decay") {
		o.optimizerOptions.WeightDecay = o.weightDecay
	}
	o.weightDecay = o.optimizerOptions.WeightDecay
	if !(o.weightDecay >= 0) || !finite(o.weightDecay) {
		return fmt.Errorf("--weight-decay must be at least 0 and finite, got %v", o.weightDecay)
	}
	if !(o.clip >= 0) || !finite(o.clip) {
		return fmt.Errorf("--clip-norm must be at least 0 and finite, got %v", o.clip)
	}
	if err := o.makeSchedule(1).Check(); err != nil {
		return fmt.Errorf("--schedule, --lr or --final-lr: %w", err)
	}
	if o.resume && o.force {
		return errors.New("--resume goes on from the checkpoint and --force replaces it; leave one out")
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func (o *trainFlags) makeSchedule(steps int) nn.Schedule {
	if o.schedule == "constant" {
		return nn.Constant(o.rate)
	}
	return nn.Schedule{Name: o.schedule, Rate: o.rate, Final: o.finalRate, Steps: steps}
}

// exists tells whether the checkpoint is there.
func (o *trainFlags) exists() (bool, error) {
	_, err := os.Stat(o.output)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func runTrain(cmd *cobra.Command, o *trainFlags) error {
	if err := o.check(cmd); err != nil {
		return usage(err)
	}
	there, err := o.exists()
	if err != nil {
		return err
	}
	if there && !o.resume && !o.force {
		return usagef("%s is there already; go on from it with --resume, replace it with --force, or write another file with --output", o.output)
	}
	var s *session
	if there && o.resume {
		s, err = resumeSession(cmd, o)
	} else {
		if o.resume {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s is not there yet; training begins at step 0\n", o.output)
		}
		s, err = newSession(cmd, o)
	}
	if err != nil {
		return err
	}
	defer s.trainer.Model().Close()
	return s.run(cmd.Context())
}

// loadData loads the images that the flags ask for.
func (o *trainFlags) loadData(ctx context.Context, cmd *cobra.Command) (*data.Set, error) {
	var update func(done, total int)
	clear := func() {}
	file := ""
	set, err := data.Load(ctx, o.data, data.Options{
		Dir: o.dataDir, Train: o.images, Test: o.testImages,
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
