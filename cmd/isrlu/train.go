package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/isrlu/isrlu/experiment"
	"github.com/spf13/cobra"
)

// trainFlags are the flags of train.
type trainFlags struct {
	learning
	activation     string
	seed           uint64
	output         string
	saveEvery      int
	saveEveryEpoch bool
	resume, force  bool
}

// trainSettings are the flags that decide what comes out. A checkpoint keeps
// their values, and --resume takes them from there.
var trainSettings = []string{
	"task", "network", "activation", "data", "train-images", "test-images", "train-chars", "test-chars", "epochs", "batch", "lr", "final-lr",
	"schedule", "optimizer", "weight-decay", "clip-norm", "seed",
}

func newTrainCmd() *cobra.Command {
	var o trainFlags
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a small network on images or a text and save it as a checkpoint",
		Long: `train trains a network and saves it, with its optimizer, in one safetensors file.
It prints a line for each epoch.

There are three tasks: images, to tell the classes of images; seq-digits, the same
where the image is read row by row; chars, to predict each next character of a text,
prose or --data FILE. Each has networks of its own, which "isrlu compare --help"
tells, and a file may describe another one in JSON. The activation function is that
of the layers that name none; :learn after it makes its parameter a weight.

The file is written before the first step, after each epoch, with --save-every
more often, and when Ctrl-C ends the training. It is replaced as a whole: a crash
leaves the one before. --resume goes on from it, in the middle of an epoch too,
and comes to the same bits as if nothing had happened, on any number of threads.
All settings come from the file then; one that is given must be the same, but for
a larger --epochs where the schedule is constant.

"isrlu predict" uses the file of a network of images, "isrlu generate" that of one of
characters; other programs read its tensors.`,
		Example: `  isrlu train --epochs 5 -o digits.safetensors
  isrlu train --network conv4 --activation isrlu:3:learn --data fashion-mnist -o fashion.safetensors
  isrlu train --resume -o fashion.safetensors
  isrlu train --task chars --network gru -o prose.safetensors
  isrlu train --network net.json --data mnist --data-dir ~/mnist --optimizer adamw --schedule cosine -o net.safetensors`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTrain(cmd, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerTask(cmd)
	f.StringVar(&o.activation, "activation", trainLessons[experiment.ImagesTask].activations,
		"function of the layers that name none"+trainLessons.defaultsText("activation"))
	o.register(cmd, trainLessons)
	f.Uint64Var(&o.seed, "seed", 1, "seed of the weights, of the order of samples and of dropout")
	f.StringVarP(&o.output, "output", "o", "model.safetensors", "checkpoint to write")
	f.IntVar(&o.saveEvery, "save-every", 0, "also save after so many steps")
	f.BoolVar(&o.saveEveryEpoch, "save-every-epoch", true, "save after each epoch; the last one is always saved")
	f.BoolVar(&o.resume, "resume", false, "go on from the checkpoint, if it is there")
	f.BoolVar(&o.force, "force", false, "replace a checkpoint that is there")
	complete(cmd, "activation", functionNames())
	return cmd
}

// checkRun makes sure of the flags that a checkpoint does not decide.
func (o *trainFlags) checkRun() error {
	if o.saveEvery < 0 || o.saveEvery > math.MaxInt32 {
		return fmt.Errorf("--save-every must be from 0 to %d, got %d", math.MaxInt32, o.saveEvery)
	}
	if o.resume && o.force {
		return errors.New("--resume goes on from the checkpoint and --force replaces it; leave one out")
	}
	if _, err := o.task(); err != nil {
		return err
	}
	return o.CheckTraining()
}

// check makes sure of the flags' values, before any work is done.
func (o *trainFlags) check(cmd *cobra.Command) (experiment.Task, error) {
	task, err := o.takeTask(cmd)
	if err != nil {
		return task, err
	}
	if err := experiment.CheckActivation(o.activation); err != nil {
		return task, fmt.Errorf("--activation: %s", withoutPackage(err.Error()))
	}
	return task, o.learning.check(cmd)
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
	if err := o.checkRun(); err != nil {
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
