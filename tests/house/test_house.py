#!/usr/bin/env python3
"""The checks of the house see what they are there to see."""
import unittest

from c_text import functions
from layers import library_include, own_include
from limits import complaints
from pathlib import PurePath

LONG = "int f(void)\n{\n" + "\tg();\n" * 79 + "}\n"


class Limits(unittest.TestCase):
    def test_function_is_measured_from_brace_to_brace(self):
        text = 'struct s {\n\tint a;\n};\n\nstatic int\nf(struct s *s, int (*fn)(void))\n{\n\treturn 0;\n}\n'
        self.assertEqual(list(functions(text)), [("f", 7, 3)])

    def test_braces_in_strings_comments_and_macros_do_not_count(self):
        text = '#define OPEN { \\\n\t{\n/* { */\nint f(void)\n{\n\tputs("}{"); // }\n\treturn \'}\';\n}\n'
        self.assertEqual(list(functions(text)), [("f", 5, 4)])

    def test_tables_are_not_functions(self):
        self.assertEqual(list(functions("static const int a[] = {\n\t1,\n};\n")), [])

    def test_a_long_function_and_a_long_header_are_refused(self):
        self.assertEqual(len(list(complaints(PurePath("a.c"), LONG))), 1)
        self.assertEqual(len(list(complaints(PurePath("a.h"), "\n" * 151))), 1)
        self.assertEqual(len(list(complaints(PurePath("a.c"), "\n" * 600))), 0)


class Layers(unittest.TestCase):
    def test_the_middle_folders_never_include_one_another(self):
        self.assertIsNone(own_include("media/frame.c", "server/core/buf.h"))
        self.assertIsNone(own_include("server/main.c", "media/frame.h"))
        self.assertIsNotNone(own_include("signaling/whip.c", "media/frame.h"))
        self.assertIsNotNone(own_include("server/core/buf.c", "media/frame.h"))
        self.assertIsNotNone(own_include("load-tests/swarm.c", "commerce/outlet.h"))

    def test_includes_are_paths_from_the_root(self):
        self.assertIsNotNone(own_include("media/frame.c", "frame.h"))

    def test_a_library_has_one_door(self):
        self.assertIsNone(library_include("commerce/store_sqlite.c", "sqlite3.h"))
        self.assertIsNotNone(library_include("server/main.c", "sqlite3.h"))
        self.assertIsNotNone(library_include("media/bus.c", "gst/gst.h"))
        self.assertIsNotNone(library_include("commerce/orders.c", "sys/socket.h"))


if __name__ == "__main__":
    unittest.main()
