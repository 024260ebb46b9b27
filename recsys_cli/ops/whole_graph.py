"""The whole-data loss of a knowledge graph: all heads x relations x tails (thesis eq. 5.17).

With the score g_vrt = sum_i e_v,i r_i t_i (DistMult; Yang et al., ICLR 2015) and weights w_v of the heads,

    L = sum_observed [ (1 - w_v) g^2 - 2 g ]  +  sum_ij (E' diag(w) E)_ij (T' T)_ij (R' R)_ij

at O((|heads| + |T| + |R|) d^2 + |observed| d) instead of O(|heads| |R| |T| d).
"""

from __future__ import annotations

import tensorflow as tf


def whole_graph_loss(
    heads: tf.Tensor,
    relations: tf.Tensor,
    tails: tf.Tensor,
    triples: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    head_weight: tf.Tensor,
) -> tf.Tensor:
    """Returns the scalar L above (less the constant of the observed triples), with closed-form gradients.

    heads: [b, d], relations: [R, d], tails: [T, d]. triples: rows of these three, int32 [n] each. head_weight: w, [b],
    without a gradient.
    """
    rows, kinds, ends = triples
    a = 1.0 - tf.gather(head_weight, rows)

    @tf.custom_gradient
    def loss(heads: tf.Tensor, relations: tf.Tensor, tails: tf.Tensor):
        e, r, t = tf.gather(heads, rows), tf.gather(relations, kinds), tf.gather(tails, ends)
        scores = tf.reduce_sum(e * r * t, axis=1)
        weighted = heads * head_weight[:, None]
        of_heads = tf.matmul(heads, weighted, transpose_a=True)
        of_relations, of_tails = (tf.matmul(x, x, transpose_a=True) for x in (relations, tails))
        value = tf.reduce_sum(scores * (a * scores - 2.0)) + tf.reduce_sum(of_heads * of_relations * of_tails)

        def gradient(upstream: tf.Tensor):
            slope = 2.0 * upstream * (a * scores - 1.0)[:, None]
            parts = (
                (weighted, of_relations * of_tails),
                (relations, of_heads * of_tails),
                (tails, of_heads * of_relations),
            )
            dense = [2.0 * upstream * tf.matmul(x, gram) for x, gram in parts]
            observed = ((r * t, rows), (e * t, kinds), (e * r, ends))
            sizes = (tf.shape(x)[0] for x in (heads, relations, tails))
            return [d + tf.math.unsorted_segment_sum(slope * x, at, n) for d, (x, at), n in zip(dense, observed, sizes)]

        return value, gradient

    return loss(heads, relations, tails)
