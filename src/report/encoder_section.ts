/** The sections of a report on the encoder: maps, nearest neighbours, confusion matrix. */

import { confusionPlot, scatterPlot } from "./charts.ts";
import { MOST_DRAWN } from "./class_section.ts";
import type { ClassAnswers, EncoderLook, Picture } from "./encoder_look.ts";
import { card, escaped, note, section } from "./page.ts";

/**
 * Returns the sections on the encoder; without classes there is no confusion matrix.
 *
 * @param options.hasMatrix true where the report has a matrix of all test images, which takes the place of this one
 */
export function encoderSections(
  look: EncoderLook,
  { hasMatrix = false }: { hasMatrix?: boolean } = {},
): string[] {
  const { answers } = look;
  return [
    mapSection(look),
    neighbourSection(look),
    ...answers === undefined || hasMatrix ? [] : [confusionSection(look, answers)],
  ];
}

function mapSection(look: EncoderLook): string {
  const { labels, classNames } = look;
  const map = (title: string, points: number[][]): string =>
    card(scatterPlot({ title, points, labels, classNames }));
  const colours = look.answers === undefined ? "." : "; colours are classes.";
  return section(
    "Map of the embeddings",
    note(
      `Embeddings of ${look.images} random ${look.split} images by the encoder of ${look.checkpoint}${colours}`,
    ),
    `<div class="grid maps">${map("Principal components", look.pca)}${
      map("UMAP", look.umap)
    }</div>`,
  );
}

function neighbourSection(
  { answers, neighbours, images, split, trainImages }: EncoderLook,
): string {
  const strips = neighbours.map(({ query, nearest }) => {
    const shown = nearest.map((one) => figure(one, one.label === query.label ? "" : "other"));
    return `<div class="card strip">${figure(query, "")}${shown.join("")}</div>`;
  });
  const share = answers === undefined
    ? "The images have no classes to compare."
    : `For ${
      answers.nearestTop1.toFixed(1)
    } % of ${images} ${split} images, the nearest training image has the same class.`;
  return section(
    "Nearest neighbours",
    note(
      `A framed ${split} image, and beside it the nearest of ${trainImages} ` +
        `${split === "training" ? "other " : ""}training images by cosine similarity. ${share}`,
    ),
    `<div class="neighbours">${strips.join("")}</div>`,
  );
}

function confusionSection(
  { classNames, images, split }: EncoderLook,
  { confusion, by, name }: ClassAnswers,
): string {
  const heading = "Confusion matrix";
  if (confusion.length > MOST_DRAWN) {
    return section(
      heading,
      note(
        `There is no matrix of ${confusion.length} classes: ${MOST_DRAWN} classes at most are drawn.`,
      ),
    );
  }
  const title = `Rows: class; columns: ${name}; % of the row`;
  const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  return section(
    heading,
    note(
      `Classes of ${images} ${split} images as predicted by ${by}; ${
        (100 * right / images).toFixed(1)
      } % are right.`,
    ),
    `<div class="matrix">${card(confusionPlot({ title, counts: confusion, classNames }))}</div>`,
  );
}

function figure({ uri, label }: Picture, className: string): string {
  return `<figure class="${className}"><img alt="${escaped(label)}" src="${uri}">` +
    `<figcaption>${escaped(label)}</figcaption></figure>`;
}
