// A diagram as SVG within a page. Internal to report/.
#pragma once

#include <string>

#include "sigmax/report/diagram.hpp"

namespace sigmax::report {

/// A figure with its caption and legend. Boxes are in one column in their order, with more than `kRoomy` of them one
/// line of text each; lines to the next box are straight, the others curve past the boxes between, side by side. The
/// picture is cut into strips, of which two fit on a page, so that print can break between them. Sizes are in pixels;
/// colors are those of the page's style.
std::string diagram_figure(const Diagram& diagram);

}  // namespace sigmax::report
