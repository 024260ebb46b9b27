"""CKE, CFKG, KGAT and BPR of its repository against values computed by the authors' programs, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import KnowledgeGraph
from recsys_cli.losses.base import Plan
from recsys_cli.ops.flat import softmax_by_row
from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, loss_of, sampled_plans

IDS = ("heads", "relations", "pos_tails", "neg_tails")


def with_graph(golden: Golden):
    triples = golden.given("data/kg_head_relation_tail").astype(np.int32)
    return replace(
        golden.dataset(), graph=KnowledgeGraph(triples, golden.hyper["n_entities"], golden.hyper["n_relations_raw"])
    )


def triple_plans(golden: Golden, part: str = "") -> list[Plan]:
    batches = np.stack([golden.given(f"{part}batch/{name}") for name in IDS], axis=-1).astype(np.int32)
    return [Plan(1, {"beside/triples": b, "beside/ends": np.array([0, len(b)], np.int32)}) for b in batches]


def test_bpr_of_the_repository_of_kgat_follows_the_authors_steps():
    golden = Golden("kg_bprmf")
    config, data = configured("kg_bprmf", golden), golden.dataset()
    replay = Replay(golden, config, build_model(config.model, data, 0))
    replay.start_whole()
    bare = replay.without_l2("base")
    replay.follow(sampled_plans(golden), lambda plan: {**bare(plan), "kge": 0.0})
    check_scores(golden, config, replay.scores(), data, 1e-5)
    golden.check_nothing_is_left({"data/kg_*": "it takes no triples"} if golden.keys("data/kg_*") else None)


def test_cke_follows_the_authors_steps():
    golden = Golden("cke")
    config, data = configured("cke", golden), with_graph(golden)
    replay = Replay(golden, config, build_model(config.model, data, 0), Limits(1.1e-5, 1.1e-5))
    replay.start_whole()
    model, phase = replay.model, replay.phase
    plans = [Plan(1, {**a.arrays, **b.arrays}) for a, b in zip(sampled_plans(golden), triple_plans(golden))]
    bare = replay.without_l2("both", reg=None)

    def shares(plan):
        arrays = {key: tf.constant(a) for key, a in plan.arrays.items()}
        kge = float(bare_triples(model, arrays["beside/triples"]))
        total = float(loss_of(phase, plan))
        base = bare(plan)["both"] - float(model.triple_loss(arrays["beside/triples"]))
        return {"base": base, "kge": kge, "reg": total - base - kge}

    replay.follow(plans, shares)
    check_scores(golden, config, replay.scores(), data, 1e-5)
    golden.check_nothing_is_left()


def bare_triples(model, batch: tf.Tensor, l2: float = 0.0) -> tf.Tensor:
    """The loss of a batch of triples without its penalty, or with another."""
    config = model.config
    model.config = replace(config, graph_l2=l2)
    value = model.triple_loss(batch)
    model.config = config
    return value


def test_cfkg_follows_the_authors_steps():
    golden = Golden("cfkg")
    config, data = configured("cfkg", golden), with_graph(golden)
    replay = Replay(golden, config, build_model(config.model, data, 0))
    replay.start_whole()
    check_triples(golden, replay.model.graph)
    replay.follow(
        triple_plans(golden), lambda plan: {"base": 0.0, "reg": 0.0, "kge": float(loss_of(replay.phase, plan))}
    )
    check_scores(golden, config, replay.scores(), data, 1.4e-5)
    golden.check_nothing_is_left()


def check_triples(golden: Golden, graph) -> np.ndarray:
    """The place of each of their triples among ours."""
    theirs = np.stack([golden.given(f"data/all_{name}_list") for name in "hrt"], axis=1).astype(np.int64)
    assert sorted(map(tuple, theirs)) == sorted(map(tuple, graph.triples))
    assert sorted(golden.given("data/adj_relation_ids")) == list(range(graph.n_relations))
    place = {tuple(triple): n for n, triple in enumerate(graph.triples)}
    return np.array([place[tuple(triple)] for triple in theirs])


def kgat(golden: Golden, monkeypatch, chosen: int) -> Replay:
    """With the interactions (0) or the triples (1) alone."""
    config = configured("kgat", golden)
    model = build_model(config.model, with_graph(golden), 0)
    phases = model.phases
    monkeypatch.setattr(model, "phases", lambda *args: phases(*args)[chosen : chosen + 1], raising=False)
    limits = Limits(4.2e-6, 4.2e-6) if chosen else Limits(3.8e-4, 3.7e-4, 4.9e-4)
    replay = Replay(golden.at("kge") if chosen else golden, config, model, limits)
    replay.start_whole({"W_mlp_0", "b_mlp_0"} & {key[5:] for key in golden.keys("init/*")})
    return replay


def test_kgat_follows_the_authors_steps(monkeypatch):
    golden = Golden("kgat")
    interactions = kgat(golden, monkeypatch, 0)
    model, n = interactions.model, interactions.model.graph.n_nodes
    place = check_triples(golden, model.graph)
    start = golden.given("data/adjacency_initial")
    np.testing.assert_allclose(model.matrix.whole(tf.eye(n)), start, atol=1e-7)
    values = np.zeros((n, n))
    np.add.at(
        values, (golden.given("data/all_h_list"), golden.given("data/all_t_list")), golden.given("data/all_v_list")
    )
    np.testing.assert_allclose(values, start, atol=1e-6)
    nodes = model.encode()
    golden.check("fwd0/user_propagated", nodes[0], 0, 1e-6)
    golden.check("fwd0/entity_propagated", model.propagated()[model.n_users :], 0, 1e-6)
    bare = interactions.without_l2("base")
    interactions.follow(sampled_plans(golden), lambda plan: {**bare(plan), "kge": 0.0})
    check_scores(golden, interactions.config, interactions.scores(), golden.dataset(), 4.9e-4)

    triples = kgat(golden, monkeypatch, 1)
    model, plans = triples.model, triple_plans(golden, "kge/")

    where = {tuple(triple): n for n, triple in enumerate(model.graph.triples)}
    first = [where[tuple(triple[:3])] for triple in plans[0].arrays["beside/triples"]]
    golden.check("kge/fwd0/attention_score_of_positive_triples", model.raw_attention().numpy()[first], 0, 1e-5)

    def parts(plan):
        batch = tf.constant(plan.arrays["beside/triples"])
        kge = float(bare_triples(model, batch))
        return {"kge": kge, "reg": model.config.graph_l2 * (float(bare_triples(model, batch, l2=1.0)) - kge)}

    triples.follow(plans, parts)
    raw = model.raw_attention().numpy()
    golden.check("kge/attention_raw_score_per_triple", raw[place], 0, 1e-5)
    shares = softmax_by_row(tf.constant(raw), tf.constant(model.heads), n).numpy()
    golden.check("kge/attention_value_per_triple", shares[place], 0, 1e-5)
    found = model.matrix.with_values(model.shares())(tf.eye(n))
    golden.check("kge/adjacency_after_attention_update", found, 0, 1e-5)
    golden.check_nothing_is_left()
