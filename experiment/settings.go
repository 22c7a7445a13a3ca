package experiment

import (
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/nn"
)

// Limits of what a comparison may ask for.
const (
	maxEpochs  = 100_000
	maxBatch   = 100_000
	maxSeeds   = 1000
	maxThreads = 4096
)

// Check returns an error that names the value that is wrong.
func (s *Settings) Check() error {
	if len(s.Activations) == 0 {
		return fmt.Errorf("experiment: there is no activation function to compare")
	}
	if err := checkActivations(s.Activations); err != nil {
		return err
	}
	if len(s.Seeds) == 0 || len(s.Seeds) > maxSeeds {
		return fmt.Errorf("experiment: seeds must be from 1 to %d, got %d", maxSeeds, len(s.Seeds))
	}
	for i, seed := range s.Seeds {
		if slices.Contains(s.Seeds[:i], seed) {
			return fmt.Errorf("experiment: seed %d is there twice", seed)
		}
	}
	if s.OnText() {
		// No character is worth more: a vocabulary has at most 2^16.
		if !(s.Target >= 0 && s.Target <= 16) {
			return fmt.Errorf("experiment: the target must be from 0 to 16 bits per character, got %v", s.Target)
		}
	} else if !(s.Target >= 0 && s.Target <= 1) {
		return fmt.Errorf("experiment: the target accuracy must be from 0 to 1, got %v", s.Target)
	}
	return s.CheckTraining()
}

// checkActivations makes sure that each is a function, and there once.
func checkActivations(specs []string) error {
	for i, spec := range specs {
		if err := CheckActivation(spec); err != nil {
			return fmt.Errorf("experiment: activation %q: %w", spec, err)
		}
		if slices.Contains(specs[:i], spec) {
			return fmt.Errorf("experiment: activation %q is there twice", spec)
		}
	}
	return nil
}

// CheckTraining checks what one training needs of the settings.
func (s *Settings) CheckTraining() error {
	if s.Epochs < 1 || s.Epochs > maxEpochs {
		return fmt.Errorf("experiment: epochs must be from 1 to %d, got %d", maxEpochs, s.Epochs)
	}
	if s.Batch < 1 || s.Batch > maxBatch {
		return fmt.Errorf("experiment: batch must be from 1 to %d, got %d", maxBatch, s.Batch)
	}
	if !(s.WeightDecay >= 0) || math.IsInf(s.WeightDecay, 0) {
		return fmt.Errorf("experiment: weight decay must be at least 0 and finite, got %v", s.WeightDecay)
	}
	if !(s.ClipNorm >= 0) || math.IsInf(s.ClipNorm, 0) {
		return fmt.Errorf("experiment: clip norm must be at least 0 and finite, got %v", s.ClipNorm)
	}
	if s.Threads < 0 || s.Threads > maxThreads {
		return fmt.Errorf("experiment: threads must be from 0 to %d, got %d", maxThreads, s.Threads)
	}
	if _, err := ParseTask(s.Task); err != nil {
		return err
	}
	if s.TrainChars < 0 || s.TestChars < 0 {
		return fmt.Errorf("experiment: characters for training and testing must not be less than 0, got %d and %d", s.TrainChars, s.TestChars)
	}
	if s.Train < 0 || s.Test < 0 {
		return fmt.Errorf("experiment: training and test images must not be less than 0, got %d and %d", s.Train, s.Test)
	}
	if _, err := nn.ParseOptimizer(s.Optimizer); err != nil {
		return err
	}
	return s.schedule(1).Check()
}

func (s *Settings) schedule(steps int) nn.Schedule {
	if s.Schedule == "constant" {
		return nn.Constant(s.LearningRate)
	}
	return nn.Schedule{Name: s.Schedule, Rate: s.LearningRate, Final: s.FinalLearningRate, Steps: steps}
}

// Steps returns the number of steps of one training.
func (s *Settings) Steps(samples int) (int, error) {
	perEpoch := StepsPerEpoch(samples, s.Batch)
	if perEpoch > math.MaxInt32/s.Epochs {
		return 0, fmt.Errorf("experiment: %d epochs of %d steps are more than %d steps; take fewer", s.Epochs, perEpoch, math.MaxInt32)
	}
	return s.Epochs * perEpoch, nil
}

// TrainerOptions returns what the settings mean for a training of so many steps.
func (s *Settings) TrainerOptions(steps int) (nn.TrainerOptions, error) {
	optimizer, err := nn.ParseOptimizer(s.Optimizer)
	optimizer.WeightDecay = s.WeightDecay
	return nn.TrainerOptions{Optimizer: optimizer, Schedule: s.schedule(steps), ClipNorm: s.ClipNorm}, err
}
