package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// The metadata that train writes into a checkpoint, beside package nn's.
const (
	metaSettings = "settings" // the flags in trainSettings, in JSON
	metaData     = "data"     // SHA-256 of the training images and labels, or windows

	// Of images alone.
	metaImage   = "image"   // [height, width, channels]
	metaClasses = "classes" // their names, in JSON
	metaMean    = "mean"    // of pixels/255; predict subtracts it and divides
	metaStd     = "std"     // by this

	// Of texts alone.
	metaTask       = "task"       // the task's name
	metaVocabulary = "vocabulary" // all characters in the order of their tokens: one string, in JSON
	metaWindow     = "window"     // characters of a window
)

// textSettings are those that checkpoints of images lack which were written before
// there were others.
var textSettings = []string{"task", "train-chars", "test-chars"}

// A session is a training that is under way.
type session struct {
	flags    *trainFlags
	cmd      *cobra.Command
	task     experiment.Task
	set      *data.Set
	trainer  *nn.Trainer[float32]
	metadata map[string]string
	total    int // steps
	perEpoch int
}

// newSession begins a training.
func newSession(cmd *cobra.Command, o *trainFlags) (*session, error) {
	task, err := o.check(cmd)
	if err != nil {
		return nil, usage(err)
	}
	network, err := readNetwork(task, o.Network)
	if err != nil {
		return nil, err
	}
	if err := task.CheckInput(network.Input); err != nil {
		return nil, usagef("--network %s: %w", o.Network, err)
	}
	if network.Activation == "" || cmd.Flags().Changed("activation") {
		network = experiment.Choose(network, o.activation)
	} else {
		o.activation = network.Activation
	}
	s := &session{flags: o, cmd: cmd, task: task}
	if err := s.load(network.Input); err != nil {
		return nil, err
	}
	if err := task.Fits(network.Input, s.set.Train); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Network, err)
	}
	network = experiment.ForClasses(network, len(s.set.Classes))
	model, err := nn.New[float32](network, nn.Options{Batch: o.Batch, Threads: o.Threads, Seed: o.seed, Units: unitLibrary(cmd.ErrOrStderr())})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Network, err)
	}
	options, err := o.TrainerOptions(s.total)
	if err == nil {
		s.trainer, err = nn.NewTrainer(model, options)
	}
	if err == nil {
		err = s.checkClasses()
	}
	if err == nil {
		s.metadata, err = s.describe()
	}
	if err == nil {
		// A folder that cannot be written shows now, not after the first epoch.
		err = s.save()
	}
	if err != nil {
		model.Close()
		return nil, err
	}
	return s, nil
}

// resumeSession goes on from the checkpoint.
func resumeSession(cmd *cobra.Command, o *trainFlags) (_ *session, err error) {
	trainer, metadata, err := nn.Resume[float32](o.output, nn.Options{Threads: o.Threads, Units: unitLibrary(cmd.ErrOrStderr())})
	if err != nil {
		return nil, err
	}
	s := &session{flags: o, cmd: cmd, trainer: trainer, metadata: metadata}
	defer func() {
		if err != nil {
			trainer.Model().Close()
		}
	}()
	if err := s.takeSettings(); err != nil {
		return nil, err
	}
	input := trainer.Model().Network().Input
	if err := s.task.CheckInput(input); err != nil {
		return nil, fmt.Errorf("%s: %w", o.output, err)
	}
	if err := s.load(input); err != nil {
		return nil, err
	}
	if got := s.set.Train.Digest(); got != metadata[metaData] {
		what := "images"
		if s.task.Text() {
			what = "text"
		}
		return nil, fmt.Errorf("the training %s of %s are not those that %s was trained on", what, o.Data, o.output)
	}
	if err := s.task.Fits(input, s.set.Train); err != nil {
		return nil, fmt.Errorf("%s: %w", o.output, err)
	}
	if err := s.checkClasses(); err != nil {
		return nil, err
	}
	if s.metadata, err = s.describe(); err != nil {
		return nil, err
	}
	return s, nil
}

// load loads the data and counts the steps.
func (s *session) load(input nn.Shape) (err error) {
	if s.set, err = s.flags.learning.load(s.cmd, input); err != nil {
		return err
	}
	s.perEpoch = experiment.StepsPerEpoch(s.set.Train.Len(), s.flags.Batch)
	if s.total, err = s.flags.Steps(s.set.Train.Len()); err != nil {
		return usage(err)
	}
	return nil
}

func (s *session) checkClasses() error {
	if err := experiment.FitsOutput(s.trainer.Model().Output(), s.set); err != nil {
		return fmt.Errorf("%s: %w", s.flags.Network, err)
	}
	return nil
}

// describe returns the metadata. It holds nothing that differs from one run to
// the next.
func (s *session) describe() (map[string]string, error) {
	settings := map[string]string{}
	for _, name := range trainSettings {
		settings[name] = s.cmd.Flags().Lookup(name).Value.String()
	}
	metadata := map[string]string{metaData: s.set.Train.Digest()}
	inJSON := map[string]any{metaSettings: settings}
	if w, ok := s.set.Train.(*data.Windows); ok {
		metadata[metaTask] = s.task.Name
		metadata[metaWindow] = strconv.Itoa(w.Size())
		inJSON[metaVocabulary] = w.Vocabulary.String()
	} else {
		m, _ := s.set.Images()
		metadata[metaMean] = strconv.FormatFloat(float64(m.Mean), 'g', -1, 32)
		metadata[metaStd] = strconv.FormatFloat(float64(m.Std), 'g', -1, 32)
		inJSON[metaClasses], inJSON[metaImage] = s.set.Classes, []int{m.Height, m.Width, m.Channels}
	}
	for key, v := range inJSON {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		metadata[key] = string(text)
	}
	return metadata, nil
}

// takeSettings sets the flags to what the checkpoint was trained with. One that
// was given must not differ.
func (s *session) takeSettings() error {
	o, flags := s.flags, s.cmd.Flags()
	var settings map[string]string
	if err := json.Unmarshal([]byte(s.metadata[metaSettings]), &settings); err != nil {
		return fmt.Errorf("%s holds no settings of isrlu train; it cannot be resumed here", o.output)
	}
	network, given := o.Network, flags.Changed("network")
	for _, name := range trainSettings {
		f := flags.Lookup(name)
		stored, ok := settings[name]
		if !ok && slices.Contains(textSettings, name) {
			stored, ok = f.DefValue, true
		}
		if !ok {
			return fmt.Errorf("%s lacks the setting %s; it cannot be resumed here", o.output, name)
		}
		if value := f.Value.String(); f.Changed && value != stored && name != "network" {
			if name == "epochs" && settings["schedule"] == "constant" && longer(value, stored) {
				continue
			}
			return usagef("--%s %s differs from the %s of %s; leave it out, or train another file", name, value, stored, o.output)
		}
		if err := flags.Set(name, stored); err != nil {
			return fmt.Errorf("%s: the setting %s: %w", o.output, name, err)
		}
	}
	var err error
	if s.task, err = o.check(s.cmd); err != nil {
		return fmt.Errorf("%s: %w", o.output, err)
	}
	if o.Batch != s.trainer.Model().Batch() {
		return fmt.Errorf("%s: its settings have a batch of %d, its trainer one of %d", o.output, o.Batch, s.trainer.Model().Batch())
	}
	if !given {
		return nil
	}
	// A file may have changed under the same name, and two names may mean the same.
	n, err := readNetwork(s.task, network)
	if err != nil {
		return err
	}
	want, err := json.Marshal(s.trainer.Model().Network())
	if err != nil {
		return err
	}
	n = experiment.ForClasses(experiment.Choose(n, o.activation), s.trainer.Model().Output()[len(s.trainer.Model().Output())-1])
	if got, err := json.Marshal(n); err != nil || !bytes.Equal(got, want) {
		return usagef("--network %s differs from the network of %s, %s; leave it out, or train another file", network, o.output, o.Network)
	}
	return nil
}

// longer tells whether a number of epochs is the larger one.
func longer(a, b string) bool {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return errX == nil && errY == nil && x > y
}

func (s *session) save() error { return s.trainer.Save(s.flags.output, s.metadata) }
