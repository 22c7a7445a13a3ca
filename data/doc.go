// Package data provides sets to train and test networks on: labelled images, and
// texts whose next character is to be predicted.
//
// # Images
//
// [Load] returns a [Set] by name:
//
//	digits          ten digits drawn from the Go fonts, distorted at random
//	mnist           handwritten digits (LeCun, Cortes and Burges, 1998)
//	fashion-mnist   articles of clothing (Xiao, Rasul and Vollgraf, 2017)
//
// Digits needs no files: it is computed, and the same seed gives the same
// bytes on every machine. The other two are read from their four IDX files,
//
//	train-images-idx3-ubyte  train-labels-idx1-ubyte
//	t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
//
// plain or with .gz, in the folder that [Options] or the environment variable
// ISRLU_DATA_DIR names, or in its subfolder of the set's name. Where none is
// named they are downloaded once into isrlu/ in the user's cache
// ([os.UserCacheDir]), from public mirrors, with their SHA-256 checked.
//
// [ReadImages] reads any other set in the IDX format.
//
// # Texts
//
// [LoadText] returns a [Text], which [Text.Windows] makes a [Set] of: a file in
// UTF-8, or
//
//	prose           short stories written by a random grammar
//
// Prose needs no file either. Its stories have what a network can learn step by
// step, from spelling to what holds over a paragraph: names and things come again,
// pronouns, articles and verbs agree, brackets and quotes close, sums are right,
// days and years go on. One of them reads
//
//	There were nine candles in the cellar. The sailor took six, so three were
//	left. "It is half past eight," said she, "and six and six make twelve."
//
// It has 76 different characters and some 540 words, common and rare ones.
//
// What a network cannot know is known. The grammar writes each paragraph by
// choices of known probabilities, and no paragraph can come from two lists of
// choices, so that the paragraph's probability is their product.
// [Text.Entropy] is -log2 of that of the test part's paragraphs, per character:
// about half a bit. A model of the grammar that saw each paragraph from its
// beginning would need so many bits on these characters, and no model needs fewer
// on the average over all texts. Windows begin anywhere in a paragraph, so that a
// network on them needs more.
//
// # Samples
//
// The package knows nothing of networks. [Samples] are what it gives them:
// Fill gathers a batch, and [Permutation] orders the samples of an epoch.
package data
