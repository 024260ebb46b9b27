"""`recsys evaluate`: scores a trained run again, with other cut-offs, another protocol or another split."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

SPLITS = {"test": "test", "validation": "valid"}


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.commands.results import save_result, show_result
    from recsys_cli.commands.trained import open_trained
    from recsys_cli.evaluation.summary import save_per_user
    from recsys_cli.training.selection import score

    data = {k: v for k, v in config.data.items() if v is not None}
    trained = open_trained(config.run, data or None)
    given = {k: v for k, v in config.evaluation.items() if v is not None}
    evaluation = OmegaConf.merge(trained.config.evaluation, given)
    result = score(evaluation, trained.model, trained.dataset, SPLITS[config.split], trained.config.seed)
    table = save_result(
        trained.run, f"{config.split}-again", result, trained.dataset.user_ids, evaluation, trained.config.seed
    )
    if config.per_user:
        save_per_user(config.per_user, trained.dataset.user_ids[result.users], result.per_user)
    show_result(trained.run, table, f"{config.split}, epoch {trained.epoch}", result)
    return 0
