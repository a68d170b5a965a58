"""The gallery: what can be chosen, what is shown of it, and styles of one's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from velatura import stylefile
from velatura.editor.entries import entry_of
from velatura.editor.geometry import Rect
from velatura.editor.memory import Memory
from velatura.editor.own import free_name
from velatura.editor.studio import Studio
from velatura.recipe import Learn, Style, Stylize

from editor.fake_paper import FakePaper
from editor.fakes import FakeDaemon, FakeLoop


def test_styles_that_cannot_be_used_say_what_to_do() -> None:
    entry = entry_of({"name": "wave", "has_picture": False, "cards": []})
    assert entry.title == "wave" and "among the downloads" in entry.error
    assert entry_of({"name": "wave", "has_picture": False, "cards": ["slim"]}).error == ""


def test_a_style_of_ones_own_gets_a_free_name() -> None:
    assert free_name("Mein Cœur (2)", set()) == "mein-coeur-2"
    assert free_name("Sky", {"sky", "sky-2"}) == "sky-3"
    assert free_name("日本", set()) == "my-style"


def test_thumbnails_are_fetched_when_they_come_into_sight(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    gallery, came = studio.gallery, []
    gallery.picture_changed.connect(came.append)
    assert [e.name for e in gallery.entries] == ["wave", "mosaic"], "works of art before painted ones"
    assert gallery.picture("wave") is None
    gallery.in_sight(("wave",))
    loop.run(0.1)
    assert came == ["wave"] and gallery.picture("wave") is daemon.thumbnails["aa"]
    gallery.in_sight(("wave",))
    loop.run(0.1)
    assert came == ["wave"], "once"
    studio.look.choose("mosaic")
    loop.run(0.1)
    assert gallery.picture("mosaic") is not None, "a chosen one is shown on the pad, in sight or not"


def test_thumbnails_that_were_lost_with_the_daemon_are_fetched_again(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    studio.gallery.in_sight(("wave",))
    daemon.lines[-1].events.clear()  # the answer never comes
    daemon.die()
    loop.run(1)
    daemon.there = True
    studio.link.restart()
    loop.run(0.5)
    assert studio.gallery.picture("wave") is not None


def test_search_finds_title_artist_technique_and_file_name_without_accents(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    wave, mosaic = daemon.answers["styles"]
    daemon.answers["styles"] = [
        {**wave, "tags": "ukiyo-e, woodblock print"},
        {**mosaic, "name": "my-scan-0012"},
    ]
    studio.link.refresh()
    loop.run(0.1)
    for words, found in (
        ("höku", ["wave"]),
        ("the wave", ["wave"]),
        ("print woodblock", ["wave"]),
        ("mosaic wave", []),
        ("scan 12", ["my-scan-0012"]),
        ("My-Scan", ["my-scan-0012"]),
        ("", ["wave", "my-scan-0012"]),
    ):
        studio.gallery.find(words)
        assert [e.name for e in studio.gallery.found] == found
        assert (studio.gallery.search_words == "") is bool(found)
    studio.gallery.find(" quilt ")
    assert "“quilt”" in studio.gallery.search_words


def test_a_style_that_the_search_leaves_alone_is_chosen_unless_several_are_mixed(studio: Studio) -> None:
    studio.look.choose("mosaic")
    studio.gallery.find("wave")
    assert studio.look.styles == ("wave",)
    studio.look.toggle("mosaic")
    studio.gallery.find("mosaic")
    assert studio.look.styles == ("wave", "mosaic")
    studio.look.choose("wave")
    studio.gallery.find("quilt")
    assert studio.look.styles == ("wave",)


def test_styles_are_tried_on_the_layer_one_after_another(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(400, 100)
    gallery = studio.gallery
    gallery.in_sight(("wave", "mosaic"))
    gallery.try_on_layer(True)
    loop.run(0.1)
    assert len(daemon.jobs) == 1 and daemon.job.options.priority == "batch"
    assert daemon.job.content is not None and daemon.job.content.layout.width <= 192
    first = daemon.job
    daemon.finish(first, 1)
    loop.run(0.1)
    assert len(daemon.jobs) == 2 and daemon.job.content is first.content
    recipes = [job.recipe for job in daemon.jobs]
    assert [r.styles[0].name for r in recipes if isinstance(r, Stylize)] == ["wave", "mosaic"]
    daemon.finish(daemon.job, 2)
    loop.run(0.1)
    assert gallery.picture("wave") is first.picture and not daemon.open
    gallery.try_on_layer(False)
    loop.run(0.1)
    assert gallery.picture("wave") is daemon.thumbnails["aa"]


def test_with_nothing_to_try_them_on_it_says_so(studio: Studio, daemon: FakeDaemon) -> None:
    studio.gallery.try_on_layer(True)
    assert studio.gallery.words == "Open a picture first." and daemon.jobs == []


def test_a_layer_becomes_a_style_and_is_chosen(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(12, 8)
    document.selected = Rect(2, 2, 4, 3)
    daemon.answers["style_add"] = [{"name": "sky"}]
    studio.gallery.own.add_from_layer(selected=True)
    loop.run(0.2)
    added = [arguments for what, arguments in daemon.asked if what == "style_add"]
    assert [(a["name"], a["title"]) for a in added] == [("sky", "Sky")]
    assert studio.look.styles == ("sky",) and studio.gallery.words == ""


@pytest.mark.parametrize("selected", [False, True])
def test_a_layer_that_is_deleted_at_once_is_told(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, selected: bool
) -> None:
    """F9: the style does not come, and the artist reads why."""
    document = paper.open(12, 8)
    document.selected = Rect(2, 2, 4, 3)
    studio.gallery.own.add_from_layer(selected)
    document.layers.clear()
    loop.run(0.2)
    assert studio.gallery.words == "The picture or its layer is gone." and studio.look.styles == ()


def test_a_selection_is_needed_for_a_style_from_it(studio: Studio, paper: FakePaper) -> None:
    paper.open(12, 8)
    studio.gallery.own.add_from_layer(selected=True)
    assert studio.gallery.words == "Select something first."


def test_a_style_that_is_removed_leaves_the_mix(studio: Studio, loop: FakeLoop, daemon: FakeDaemon) -> None:
    studio.look.toggle("wave")
    studio.look.toggle("mosaic")
    studio.gallery.own.remove("wave")
    loop.run(0.1)
    assert ("style_remove", {"name": "wave"}) in daemon.asked and studio.look.styles == ("mosaic",)


@pytest.mark.parametrize("suffix", [".webp", ".kra"])
def test_a_file_is_sent_as_it_is_for_the_daemon_to_read(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path, suffix: str
) -> None:
    """F8: nothing is decoded in the editor; of Krita's files it is the picture that they show."""
    file, data = tmp_path / f"Été à Arles{suffix}", bytes(range(256)) * 40
    if suffix == ".kra":
        with zipfile.ZipFile(file, "w") as whole:
            whole.writestr("mergedimage.png", data)
    else:
        file.write_bytes(data)
    daemon.answers["style_add"] = [{"name": "ete"}]
    studio.gallery.own.add_file(file)
    loop.run(0.2)
    (added,) = [arguments for what, arguments in daemon.asked if what == "style_add"]
    assert (added["name"], added["title"], added["file"]) == ("ete-a-arles", "Été à Arles", True)
    assert stylefile.blob_of(data).hash_whole() == added["digest"]
    assert studio.look.styles == ("ete",) and studio.gallery.words == ""


def test_each_picture_of_a_folder_becomes_a_style_and_nothing_else(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path
) -> None:
    folder = tmp_path / "Holiday"
    folder.mkdir()
    studio.gallery.own.add_folder(folder)
    assert studio.gallery.words == "There is no picture in “Holiday”."
    for name in ("b.JPG", "a.png", "notes.txt"):
        (folder / name).write_bytes(name.encode())
    studio.gallery.own.add_folder(folder)
    loop.run(0.3)
    assert sorted(said["title"] for what, said in daemon.asked if what == "style_add") == ["a", "b"]
    studio.gallery.own.add_folder(tmp_path / "gone")
    assert "gone" in studio.gallery.words


@pytest.mark.parametrize("what", ["missing", "empty zip"])
def test_a_file_without_a_picture_is_refused_in_words(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "notes.kra"
    if what == "empty zip":
        with zipfile.ZipFile(file, "w") as whole:
            whole.writestr("maindoc.xml", "<DOC/>")
    studio.gallery.own.add_file(file)
    loop.run(0.2)
    assert studio.gallery.words.startswith("“notes.kra” cannot be read as a picture: ")
    assert all(what != "style_add" for what, _ in daemon.asked)


def test_favourites_come_first_and_are_remembered(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path
) -> None:
    gallery = studio.gallery
    assert [e.name for e in gallery.entries] == ["wave", "mosaic"]
    gallery.favourites_only = True
    assert gallery.found == () and "No favourites yet" in gallery.search_words
    gallery.favour("mosaic")
    assert [e.name for e in gallery.entries] == ["mosaic", "wave"]
    assert [e.name for e in gallery.found] == ["mosaic"]
    assert Memory(tmp_path / "memory.json").settings["favourites"] == ["mosaic"]
    gallery.favour("mosaic")
    gallery.favourites_only = False
    assert [e.name for e in gallery.found] == ["wave", "mosaic"]


def test_a_method_that_knows_its_own_styles_disables_the_others(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    many, mine = {"kind": "transform", "styles": ["mosaic", "sea"]}, {"kind": "transform", "styles": ["wave"]}
    daemon.answers["models"] = [many, mine, {"kind": "style", "styles": ["old"]}]
    daemon.answers["styles"].append({"name": "old", "kind": "user", "learned": "outdated"})
    studio.link.refresh()
    loop.run(0.2)
    gallery = studio.gallery

    def usable() -> list[str]:
        return [entry.name for entry in gallery.entries if not entry.error]

    assert len(usable()) == 3
    studio.look.method = "multi"
    assert usable() == ["mosaic"] and gallery.entries[0].name == "mosaic"
    old = gallery.entry("old")
    assert old is not None and "Many styles, one network" in old.error and old.can_learn
    studio.look.method = "fast"
    assert usable() == ["wave"]
    studio.look.method = "wct"
    assert len(usable()) == 3


def test_the_next_style_of_those_shown_is_chosen_around_the_end(studio: Studio) -> None:
    chosen = []
    for ways in (1, 1, 1, -1):
        studio.next_style(ways)
        chosen.append(studio.look.styles)
    assert chosen == [("wave",), ("mosaic",), ("wave",), ("mosaic",)]
    studio.gallery.search = "nothing at all"
    studio.next_style(1)
    assert studio.look.styles == ("mosaic",)


def test_a_style_that_someone_passed_on_is_taken_as_it_is(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path
) -> None:
    file = tmp_path / "hers.velatura"
    file.write_bytes(b"a style")
    daemon.answers["style_import"] = [{"name": "her-style"}]
    studio.gallery.own.add_file(file)
    loop.run(0.2)
    (added,) = [arguments for what, arguments in daemon.asked if what == "style_import"]
    assert added["name"] == "" and studio.look.styles == ("her-style",)


MOSS = {"name": "moss", "title": "Moss", "kind": "user", "has_picture": True, "cards": [], "thumbnail": "aa"}


def test_a_style_of_ones_own_is_learned_and_seen_on_the_layer_meanwhile(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    gallery = studio.gallery
    daemon.answers["styles"] = [*daemon.answers["styles"], MOSS]
    studio.link.refresh()
    loop.run(0.1)
    assert gallery.lessons.offer(("wave",)) == gallery.lessons.offer(("moss", "wave")) == ""
    assert gallery.lessons.offer(("moss",)) == "Learn this style"
    document = paper.open(800, 400)
    gallery.lessons.press(("moss",))
    loop.run(0.1)
    job = daemon.job
    assert job.recipe == Learn(styles=(Style("moss"),)) and job.options.detached
    assert job.content is not None and job.content.layout.width <= 384
    assert gallery.lessons.learning == "moss" and gallery.lessons.offer(()) == "Stop learning and keep it"
    daemon.progress(job, 40, 150, 60.0)
    daemon.frame(job, 9)
    loop.run(0.1)
    assert "“Moss”: 40 of 150" in gallery.words
    look = gallery.picture("moss")
    assert look is not None and set(bytes(look.data)) == {9}
    gallery.lessons.learn("moss")
    assert len(daemon.jobs) == 1, "one at a time"
    gallery.lessons.press(())
    assert job.stopping
    daemon.answers["styles"][-1] = {**MOSS, "learned": "yes"}
    daemon.finish(job)
    loop.run(0.1)
    assert gallery.lessons.learning == "" and "is learned" in gallery.words
    learned = gallery.entry("moss")
    assert learned is not None and learned.learned == "yes" and learned.can_learn, "and better, once more"
    assert len(document.layers) == 1, "nothing is written into the picture"


def test_learning_needs_no_picture_and_may_be_cancelled_or_fail(
    studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    gallery = studio.gallery
    daemon.answers["styles"] = [MOSS]
    studio.link.refresh()
    loop.run(0.1)
    gallery.lessons.learn("moss")
    loop.run(0.1)
    assert daemon.job.content is None
    gallery.lessons.cancel()
    loop.run(0.1)
    assert gallery.lessons.learning == "" and "again goes on from there" in gallery.words
    gallery.lessons.learn("moss")
    loop.run(0.1)
    daemon.finish(daemon.job, better=False)
    loop.run(0.1)
    assert gallery.words == "“Moss” is not better yet, and stays as it was. Learning it again goes on."
    gallery.lessons.learn("moss")
    loop.run(0.1)
    daemon.fail(daemon.job, "bad_image", "It is of one colour.")
    loop.run(0.1)
    assert (gallery.lessons.learning, gallery.words) == ("", "It is of one colour.")


def test_a_style_that_a_network_alone_knows_can_be_chosen_but_not_learned() -> None:
    entry = entry_of({**MOSS, "has_picture": False, "learned": "yes"})
    assert entry.error == "" and not entry.can_learn


def test_styles_are_sorted_into_folders_which_are_remembered(
    studio: Studio, loop: FakeLoop, tmp_path: Path
) -> None:
    gallery = studio.gallery
    assert gallery.folder_names == ()
    gallery.put("mosaic", "Stones")
    gallery.put("wave", "sea")
    assert gallery.folder_names == ("sea", "Stones")
    gallery.folder = "sea"
    assert [entry.name for entry in gallery.found] == ["wave"]
    gallery.find("mosaic")
    assert gallery.found == () and "“sea”" in gallery.search_words
    gallery.find("")
    studio.next_style(1)
    studio.next_style(1)
    assert studio.look.styles == ("wave",), "one goes from style to style in what is shown"
    assert Memory(tmp_path / "memory.json").settings["folders"] == {"mosaic": "Stones", "wave": "sea"}
    gallery.put("wave", "")
    assert gallery.folder == "" and gallery.folder_names == ("Stones",), "an empty one is gone"


def test_pictures_of_a_folder_come_into_one_of_its_name_and_others_where_one_looks(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path
) -> None:
    folder = tmp_path / "Clouds"
    folder.mkdir()
    (folder / "cirrus.png").write_bytes(b"a picture")
    studio.gallery.own.add_folder(folder)
    loop.run(0.2)
    assert studio.gallery.folders == {"cirrus": "Clouds"}
    paper.open(40, 20)
    studio.gallery.put("wave", "sea")
    studio.gallery.folder = "sea"
    studio.gallery.own.add_from_layer(selected=False)
    loop.run(0.2)
    assert studio.gallery.folders["sky"] == "sea"
