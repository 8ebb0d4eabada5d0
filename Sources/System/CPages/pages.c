#include "CPages.h"

// Files become arrays with #embed, of C23, which the compiler takes in every mode.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char F101[] = {
#embed "../../../Docs/diagnostics/F101.md"
};
static const char F102[] = {
#embed "../../../Docs/diagnostics/F102.md"
};
static const char F103[] = {
#embed "../../../Docs/diagnostics/F103.md"
};
static const char F104[] = {
#embed "../../../Docs/diagnostics/F104.md"
};
static const char F105[] = {
#embed "../../../Docs/diagnostics/F105.md"
};
static const char F106[] = {
#embed "../../../Docs/diagnostics/F106.md"
};
static const char F107[] = {
#embed "../../../Docs/diagnostics/F107.md"
};
static const char F108[] = {
#embed "../../../Docs/diagnostics/F108.md"
};
static const char F109[] = {
#embed "../../../Docs/diagnostics/F109.md"
};
static const char F110[] = {
#embed "../../../Docs/diagnostics/F110.md"
};
static const char F111[] = {
#embed "../../../Docs/diagnostics/F111.md"
};
static const char F112[] = {
#embed "../../../Docs/diagnostics/F112.md"
};
static const char F113[] = {
#embed "../../../Docs/diagnostics/F113.md"
};
static const char F116[] = {
#embed "../../../Docs/diagnostics/F116.md"
};
static const char F117[] = {
#embed "../../../Docs/diagnostics/F117.md"
};
static const char F119[] = {
#embed "../../../Docs/diagnostics/F119.md"
};
static const char F201[] = {
#embed "../../../Docs/diagnostics/F201.md"
};
static const char F202[] = {
#embed "../../../Docs/diagnostics/F202.md"
};
static const char F203[] = {
#embed "../../../Docs/diagnostics/F203.md"
};
static const char F204[] = {
#embed "../../../Docs/diagnostics/F204.md"
};
static const char F205[] = {
#embed "../../../Docs/diagnostics/F205.md"
};
static const char F206[] = {
#embed "../../../Docs/diagnostics/F206.md"
};
static const char F207[] = {
#embed "../../../Docs/diagnostics/F207.md"
};
static const char F208[] = {
#embed "../../../Docs/diagnostics/F208.md"
};
static const char F209[] = {
#embed "../../../Docs/diagnostics/F209.md"
};
static const char F211[] = {
#embed "../../../Docs/diagnostics/F211.md"
};
static const char F212[] = {
#embed "../../../Docs/diagnostics/F212.md"
};
static const char F213[] = {
#embed "../../../Docs/diagnostics/F213.md"
};
static const char F214[] = {
#embed "../../../Docs/diagnostics/F214.md"
};
static const char F215[] = {
#embed "../../../Docs/diagnostics/F215.md"
};
static const char F216[] = {
#embed "../../../Docs/diagnostics/F216.md"
};
static const char F217[] = {
#embed "../../../Docs/diagnostics/F217.md"
};
static const char F218[] = {
#embed "../../../Docs/diagnostics/F218.md"
};
static const char F301[] = {
#embed "../../../Docs/diagnostics/F301.md"
};
static const char F302[] = {
#embed "../../../Docs/diagnostics/F302.md"
};
static const char F303[] = {
#embed "../../../Docs/diagnostics/F303.md"
};
static const char F305[] = {
#embed "../../../Docs/diagnostics/F305.md"
};
static const char F306[] = {
#embed "../../../Docs/diagnostics/F306.md"
};
static const char F307[] = {
#embed "../../../Docs/diagnostics/F307.md"
};
static const char F309[] = {
#embed "../../../Docs/diagnostics/F309.md"
};
static const char F310[] = {
#embed "../../../Docs/diagnostics/F310.md"
};
static const char F314[] = {
#embed "../../../Docs/diagnostics/F314.md"
};
static const char F315[] = {
#embed "../../../Docs/diagnostics/F315.md"
};
static const char F316[] = {
#embed "../../../Docs/diagnostics/F316.md"
};
static const char F317[] = {
#embed "../../../Docs/diagnostics/F317.md"
};
static const char F320[] = {
#embed "../../../Docs/diagnostics/F320.md"
};
static const char F321[] = {
#embed "../../../Docs/diagnostics/F321.md"
};
static const char F322[] = {
#embed "../../../Docs/diagnostics/F322.md"
};
static const char F323[] = {
#embed "../../../Docs/diagnostics/F323.md"
};
static const char F401[] = {
#embed "../../../Docs/diagnostics/F401.md"
};
static const char F402[] = {
#embed "../../../Docs/diagnostics/F402.md"
};
static const char F403[] = {
#embed "../../../Docs/diagnostics/F403.md"
};
static const char F404[] = {
#embed "../../../Docs/diagnostics/F404.md"
};
static const char F405[] = {
#embed "../../../Docs/diagnostics/F405.md"
};
static const char F406[] = {
#embed "../../../Docs/diagnostics/F406.md"
};
static const char F407[] = {
#embed "../../../Docs/diagnostics/F407.md"
};
static const char F408[] = {
#embed "../../../Docs/diagnostics/F408.md"
};
static const char F410[] = {
#embed "../../../Docs/diagnostics/F410.md"
};
static const char F411[] = {
#embed "../../../Docs/diagnostics/F411.md"
};
static const char F412[] = {
#embed "../../../Docs/diagnostics/F412.md"
};
static const char F413[] = {
#embed "../../../Docs/diagnostics/F413.md"
};
static const char F501[] = {
#embed "../../../Docs/diagnostics/F501.md"
};
static const char F502[] = {
#embed "../../../Docs/diagnostics/F502.md"
};
static const char F503[] = {
#embed "../../../Docs/diagnostics/F503.md"
};
static const char F504[] = {
#embed "../../../Docs/diagnostics/F504.md"
};
static const char F505[] = {
#embed "../../../Docs/diagnostics/F505.md"
};
static const char F506[] = {
#embed "../../../Docs/diagnostics/F506.md"
};
static const char F507[] = {
#embed "../../../Docs/diagnostics/F507.md"
};
static const char F508[] = {
#embed "../../../Docs/diagnostics/F508.md"
};
static const char F509[] = {
#embed "../../../Docs/diagnostics/F509.md"
};
static const char F510[] = {
#embed "../../../Docs/diagnostics/F510.md"
};
static const char F511[] = {
#embed "../../../Docs/diagnostics/F511.md"
};
static const char F513[] = {
#embed "../../../Docs/diagnostics/F513.md"
};
static const char F514[] = {
#embed "../../../Docs/diagnostics/F514.md"
};
static const char F515[] = {
#embed "../../../Docs/diagnostics/F515.md"
};
static const char F516[] = {
#embed "../../../Docs/diagnostics/F516.md"
};
static const char F517[] = {
#embed "../../../Docs/diagnostics/F517.md"
};
static const char F518[] = {
#embed "../../../Docs/diagnostics/F518.md"
};
static const char F601[] = {
#embed "../../../Docs/diagnostics/F601.md"
};
static const char F602[] = {
#embed "../../../Docs/diagnostics/F602.md"
};
static const char F604[] = {
#embed "../../../Docs/diagnostics/F604.md"
};
static const char F605[] = {
#embed "../../../Docs/diagnostics/F605.md"
};
static const char F606[] = {
#embed "../../../Docs/diagnostics/F606.md"
};
static const char F607[] = {
#embed "../../../Docs/diagnostics/F607.md"
};
static const char F608[] = {
#embed "../../../Docs/diagnostics/F608.md"
};
static const char F701[] = {
#embed "../../../Docs/diagnostics/F701.md"
};
static const char F702[] = {
#embed "../../../Docs/diagnostics/F702.md"
};
static const char F703[] = {
#embed "../../../Docs/diagnostics/F703.md"
};
static const char F704[] = {
#embed "../../../Docs/diagnostics/F704.md"
};
static const char F705[] = {
#embed "../../../Docs/diagnostics/F705.md"
};
static const char F707[] = {
#embed "../../../Docs/diagnostics/F707.md"
};
static const char F712[] = {
#embed "../../../Docs/diagnostics/F712.md"
};
static const char F713[] = {
#embed "../../../Docs/diagnostics/F713.md"
};
static const char F714[] = {
#embed "../../../Docs/diagnostics/F714.md"
};
static const char F715[] = {
#embed "../../../Docs/diagnostics/F715.md"
};
static const char F716[] = {
#embed "../../../Docs/diagnostics/F716.md"
};
static const char F801[] = {
#embed "../../../Docs/diagnostics/F801.md"
};
static const char F803[] = {
#embed "../../../Docs/diagnostics/F803.md"
};
static const char F804[] = {
#embed "../../../Docs/diagnostics/F804.md"
};
static const char F805[] = {
#embed "../../../Docs/diagnostics/F805.md"
};
static const char F901[] = {
#embed "../../../Docs/diagnostics/F901.md"
};
static const char F902[] = {
#embed "../../../Docs/diagnostics/F902.md"
};
static const char F903[] = {
#embed "../../../Docs/diagnostics/F903.md"
};
static const char F904[] = {
#embed "../../../Docs/diagnostics/F904.md"
};
static const char F905[] = {
#embed "../../../Docs/diagnostics/F905.md"
};
static const char F906[] = {
#embed "../../../Docs/diagnostics/F906.md"
};
static const char F910[] = {
#embed "../../../Docs/diagnostics/F910.md"
};

#define PAGE(code) {code, sizeof code}

static const struct {
  const char *text;
  size_t length;
} pages[] = {
  PAGE(F101), PAGE(F102), PAGE(F103), PAGE(F104), PAGE(F105), PAGE(F106), PAGE(F107), PAGE(F108),
  PAGE(F109), PAGE(F110), PAGE(F111), PAGE(F112), PAGE(F113), PAGE(F116), PAGE(F117), PAGE(F119), PAGE(F201),
  PAGE(F202), PAGE(F203), PAGE(F204), PAGE(F205), PAGE(F206), PAGE(F207), PAGE(F208), PAGE(F209),
  PAGE(F211), PAGE(F212), PAGE(F213), PAGE(F214), PAGE(F215), PAGE(F216), PAGE(F217), PAGE(F218),
  PAGE(F301), PAGE(F302),
  PAGE(F303), PAGE(F305), PAGE(F306), PAGE(F307), PAGE(F309), PAGE(F310), PAGE(F314), PAGE(F315),
  PAGE(F316), PAGE(F317), PAGE(F320), PAGE(F321), PAGE(F322), PAGE(F323), PAGE(F401), PAGE(F402), PAGE(F403),
  PAGE(F404), PAGE(F405),
  PAGE(F406), PAGE(F407), PAGE(F408),
  PAGE(F410), PAGE(F411), PAGE(F412), PAGE(F413), PAGE(F501), PAGE(F502), PAGE(F503), PAGE(F504), PAGE(F505), PAGE(F506),
  PAGE(F507), PAGE(F508), PAGE(F509), PAGE(F510), PAGE(F511), PAGE(F513), PAGE(F514), PAGE(F515), PAGE(F516),
  PAGE(F517), PAGE(F518), PAGE(F601), PAGE(F602), PAGE(F604), PAGE(F605), PAGE(F606), PAGE(F607), PAGE(F608), PAGE(F701),
  PAGE(F702), PAGE(F703), PAGE(F704), PAGE(F705), PAGE(F707), PAGE(F712), PAGE(F713), PAGE(F714), PAGE(F715), PAGE(F716), PAGE(F801),
  PAGE(F803), PAGE(F804), PAGE(F805), PAGE(F901), PAGE(F902), PAGE(F903), PAGE(F904), PAGE(F905), PAGE(F906), PAGE(F910),
};

const char *cpages_text(size_t index, size_t *length) {
  if (index >= sizeof pages / sizeof pages[0]) return 0;
  *length = pages[index].length;
  return pages[index].text;
}
