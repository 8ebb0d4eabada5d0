#include "CPages.h"

// Files become arrays with #embed, of C23, which the compiler accepts in every mode.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char order_flow[] = {
#embed "../../../templates/order/order.flow"
};
static const char order_test[] = {
#embed "../../../templates/order/tests/order.test.flow"
};
static const char order_readme[] = {
#embed "../../../templates/order/README.md"
};
static const char approval_flow[] = {
#embed "../../../templates/approval/approval.flow"
};
static const char approval_test[] = {
#embed "../../../templates/approval/tests/approval.test.flow"
};
static const char approval_readme[] = {
#embed "../../../templates/approval/README.md"
};
static const char schedule_flow[] = {
#embed "../../../templates/schedule/report.flow"
};
static const char schedule_test[] = {
#embed "../../../templates/schedule/tests/report.test.flow"
};
static const char schedule_readme[] = {
#embed "../../../templates/schedule/README.md"
};
static const char flow_toml[] = {
#embed "../../../templates/flow.toml"
};
static const char workflow[] = {
#embed "../../../templates/workflow.yml"
};
static const char gitignore[] = {
#embed "../../../templates/gitignore"
};

static const char tour_01[] = {
#embed "../../../templates/tour/01-states.flow"
};
static const char tour_02[] = {
#embed "../../../templates/tour/02-data.flow"
};
static const char tour_03[] = {
#embed "../../../templates/tour/03-guards.flow"
};
static const char tour_04[] = {
#embed "../../../templates/tour/04-time.flow"
};
static const char tour_05[] = {
#embed "../../../templates/tour/05-roles.flow"
};
static const char tour_06[] = {
#embed "../../../templates/tour/06-calls.flow"
};
static const char tour_07[] = {
#embed "../../../templates/tour/07-nested.flow"
};
static const char tour_08[] = {
#embed "../../../templates/tour/08-regions.flow"
};

#define FILE_OF(template, path, contents) { template, path, contents, sizeof contents }

// The files of all templates have an empty name of the template; the lessons of `flow tour` are in their order.
static const struct cpages_file files[] = {
  FILE_OF("order", "order.flow", order_flow),
  FILE_OF("order", "tests/order.test.flow", order_test),
  FILE_OF("order", "README.md", order_readme),
  FILE_OF("approval", "approval.flow", approval_flow),
  FILE_OF("approval", "tests/approval.test.flow", approval_test),
  FILE_OF("approval", "README.md", approval_readme),
  FILE_OF("schedule", "report.flow", schedule_flow),
  FILE_OF("schedule", "tests/report.test.flow", schedule_test),
  FILE_OF("schedule", "README.md", schedule_readme),
  FILE_OF("", "flow.toml", flow_toml),
  FILE_OF("", ".github/workflows/flow.yml", workflow),
  FILE_OF("", ".gitignore", gitignore),
  FILE_OF("tour", "01-states.flow", tour_01),
  FILE_OF("tour", "02-data.flow", tour_02),
  FILE_OF("tour", "03-guards.flow", tour_03),
  FILE_OF("tour", "04-time.flow", tour_04),
  FILE_OF("tour", "05-roles.flow", tour_05),
  FILE_OF("tour", "06-calls.flow", tour_06),
  FILE_OF("tour", "07-nested.flow", tour_07),
  FILE_OF("tour", "08-regions.flow", tour_08),
};

const struct cpages_file *cpages_template_files(size_t *count) {
  *count = sizeof files / sizeof files[0];
  return files;
}
