"""Distil `pocket`, the perceptual network that ships, from VGG-19.

    python -m atelier.training.pocket --photos DIR --paintings DIR --out runs/pocket

One command, resumable: run it again with the same --out and it goes on where it stopped. The recipe:

1.  **Start**: the student is cut out of the teacher. Layer by layer, a pivoted Cholesky factorisation of the teacher's
    channel covariance picks the channels that explain most of the rest, and least squares refits the convolution so that
    it computes them from the *student's own* previous layer (in the spirit of ThiNet, Luo et al. 2017, and channel pruning,
    He et al. 2017).
2.  **Loss**: at all 13 layers, a learned 1x1 head Q maps the student's channels to the teacher's; the loss is the relative
    feature error |QS - T|^2/|T|^2 plus the relative Gram error. Both are computed from S Sᵀ, T Sᵀ and T Tᵀ alone, so the
    wide QS is never formed.
3.  **Pictures it is optimised against while it learns**: a pool of pictures is painted by descending the student's own
    style loss, and the student is taught on them. An optimiser finds the holes in any student taught on clean photos.
4.  **Solver**: Muon for the convolutions (as matrices), AdamW for the heads and biases; warm-up, constant, linear decay;
    an exponential average of the weights is what is kept.

What ships is not Q but the k x k triangular factor R of Q = U R (U orthonormal): |R S| = |Q S|, so distances, Grams and
moments of R S are those in the teacher's metric.
"""
