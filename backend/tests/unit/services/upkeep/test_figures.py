"""The ledger's figures in Prometheus's words."""

from backend.services.upkeep.figures import Figures, exposition_of


def test_the_figures_are_told() -> None:
    told = exposition_of(Figures(2, 3, 4, 5)).decode().splitlines()
    assert "hsi_database_up 1.0" in told
    assert "hsi_frames_waiting 2.0" in told
    assert "hsi_events_open 3.0" in told
    assert "hsi_quarantined_files 4.0" in told
    assert "hsi_dead_letters 5.0" in told


def test_without_a_database_nothing_else_is_told() -> None:
    told = exposition_of(None).decode().splitlines()
    assert [line for line in told if not line.startswith("#")] == ["hsi_database_up 0.0"]
